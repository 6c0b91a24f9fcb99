"""The facts of one text with needles: drawn, told, asked, and read back by rule."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from duotempo.core import UserError
from duotempo.tasks.needle_words import (
    CONSONANTS,
    DECOYS,
    ENDS,
    HELD_OUT_WORDS,
    KINDS,
    TRAIN_WORDS,
    VOWELS,
    Kind,
)

TABLE = {kind.name: kind for kind in KINDS}
DIGITS = "0123456789"
SPACE = re.compile(rb"\s")
LONGEST = 8
"""Letters of the longest name or word."""
LETTERS = 27
"""What a word's byte may be: a letter, or the full stop that ends it."""

Cut = tuple[int, bytes]
"""What is put into a text, and before which of its bytes."""


def _pattern(kind: Kind) -> str:
    cue = re.escape(kind.form.partition("{a}")[0]).replace(re.escape("{n}"), "[a-z]+")
    return f"(?:{cue})"


CUE = re.compile(f"({'|'.join(_pattern(kind) for kind in KINDS)})([0-9]+|[a-z]+)?".encode())
"""The cue of any kind and the answer behind it, if one stands there."""


@dataclass(frozen=True)
class Fact:
    """One needle: its kind, its cue (up to the answer) and the answer."""

    kind: str
    cue: bytes
    answer: bytes

    @property
    def told(self) -> bytes:
        """The sentence, as it stands in the text and as it is asked."""
        return self.cue + self.answer + b"."

    def span(self, at: int) -> tuple[int, int]:
        """Where the answer lies when the sentence begins at `at`; a word's full stop belongs to it,
        since without it the word could go on."""
        start = at + len(self.cue)
        return start, start + len(self.answer) + (not TABLE[self.kind].digits)


def oracle(text: bytes) -> tuple[bytes, ...]:
    """The answers to the questions at the end of a text, read out by rule.

    A cue that comes again is a question; its answer is what followed the cue the first time. What
    stands behind a question is not looked at.
    """
    told: dict[bytes, bytes] = {}
    found = []
    for cue, answer in CUE.findall(text):
        if cue in told:
            found.append(told[cue])
        else:
            told[cue] = answer
    return tuple(found)


def draw(random: Random, kinds: Sequence[str], held_out: bool, invented: float) -> list[Fact]:
    """Facts of these kinds, in this order; no two share a name, and no answer holds another."""
    pool = HELD_OUT_WORDS if held_out else TRAIN_WORDS
    names = random.sample(pool, len(kinds))
    secrets = [word for word in pool if word not in names]
    facts: list[Fact] = []
    for name, kind in zip(names, (TABLE[k] for k in kinds), strict=True):
        cue = kind.form.partition("{a}")[0].format(n=name).encode()
        answer = _answer(random, kind, secrets, invented)
        while any(answer in fact.answer or fact.answer in answer for fact in facts):
            answer = _answer(random, kind, secrets, invented)
        facts.append(Fact(kind.name, cue, answer))
    return facts


def apart(facts: Sequence[Fact], plain: bytes) -> bool:
    """Whether a text without needles holds no cue and no answer by accident, in any case."""
    low = b"\n".join([plain, *(fact.cue for fact in facts)]).lower()
    return not CUE.search(plain) and not any(fact.answer in low for fact in facts)


def decoys(random: Random, count: int, held_out: bool) -> list[bytes]:
    """So many sentences that resemble needles and are none."""
    words = HELD_OUT_WORDS if held_out else TRAIN_WORDS
    return [
        "".join(
            random.choice(DIGITS) if c == "#" else random.choice(words) if c == "@" else c
            for c in random.choice(DECOYS)
        ).encode()
        for _ in range(count)
    ]


def insert(prose: bytes, cuts: Sequence[Cut]) -> bytes:
    """Put pieces into prose, each before the first white space at or after its place."""
    found = []
    for at, piece in cuts:
        space = SPACE.search(prose, at)
        found.append((space.start() if space else len(prose), piece))
    parts, done = [], 0
    for at, piece in sorted(found, key=lambda cut: cut[0]):
        parts += [prose[done:at], piece]
        done = at
    return b"".join([*parts, prose[done:]])


def longest(kinds: Sequence[str]) -> int:
    """Bytes of the longest sentence that these kinds can give."""
    return max(
        len(TABLE[k].form.format(n="n" * LONGEST, a="a" * (TABLE[k].digits or LONGEST)))
        for k in kinds
    )


def check_kinds(kinds: Sequence[str], needles: Sequence[int]) -> None:
    """Raise `UserError` for kinds that there are not, or too few for so many needles."""
    if not kinds or not set(kinds) <= set(TABLE):
        raise UserError(f"kinds={tuple(kinds)}: use one or more of {', '.join(TABLE)}")
    most = len(HELD_OUT_WORDS) // 2
    if not any(TABLE[k].named for k in kinds):
        most = len(set(kinds))
    if not needles or not all(1 <= n <= most for n in needles):
        raise UserError(
            f"needles={tuple(needles)}: each must lie between 1 and {most}; a kind without names "
            "stands in a text once, so add a kind with names (key, number) for more"
        )


def mixture(random: Random, kinds: Sequence[str], count: int) -> list[str]:
    """So many kinds at random, those without names at most once each."""
    chosen: list[str] = []
    for _ in range(count):
        free = [k for k in kinds if TABLE[k].named or k not in chosen]
        chosen.append(random.choice(free))
    return chosen


def _answer(random: Random, kind: Kind, secrets: Sequence[str], invented: float) -> bytes:
    if kind.digits:
        return "".join(random.choice(DIGITS) for _ in range(kind.digits)).encode()
    made = random.random() < invented
    return (_invented(random) if made else random.choice(secrets)).encode()


def _invented(random: Random) -> str:
    """A word that nobody has said yet, of five to eight letters."""
    length, said = random.randint(5, LONGEST), ""
    while len(said) < length:
        said += random.choice(CONSONANTS) + random.choice(VOWELS)
        said += random.choice(ENDS) if random.random() < 0.3 else ""
    return said[:length]
