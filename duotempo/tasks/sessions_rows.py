"""The three tasks on invented sessions as rows of tokens to learn from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from types import MappingProxyType

import torch
from jaxtyping import Int64
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, asked_batch
from duotempo.tasks.seeds import seeded
from duotempo.tasks.sessions import SLOTS, Life, Session, told
from duotempo.tasks.sessions_forms import (
    THEN,
    cited,
    compress,
    compressed,
    known_in,
    memory_text,
    oracle,
    remember,
    reply,
    together,
)
from duotempo.tasks.sessions_words import MOST_DATES, MOST_REFS, every_word

KINDS = ("remember", "compress", "reply")
ROWS: Mapping[str, int] = MappingProxyType({"remember": 32, "compress": 16, "reply": 16})
USUAL, MORE = 16, 3
"""Sessions of a usual life at most; where lives are shorter, memories to compress are more, up to
so many times as many."""
PRIOR = 0.4
"""Share of memories to compress that begin with an earlier memory."""
CHANCE = 0.3
"""Share of replies that say that nothing was told."""
FRESH = 1 << 40
"""Lives of a training have seeds from here on, so that none is a study's."""


@dataclass(frozen=True)
class Sessions:
    """Session memory, compression and reply, a batch each in turns; only the outputs weigh.

    Numbers of notes and of sessions are spread over all there are, so that short rows teach them
    too. Some memories to compress begin with an earlier memory, some replies have lines of earlier
    sessions or nothing instead of a memory. `kinds` names the tasks of a single-task twin;
    `longest` is the longest life in sessions: copying is learned from short ones first.
    """

    kinds: tuple[str, ...] = KINDS
    longest: int = 64

    def __post_init__(self) -> None:
        if not self.kinds or not set(self.kinds) <= set(KINDS) or not 1 <= self.longest < 90:
            raise UserError(
                f"kinds={self.kinds}, longest={self.longest}: some of {', '.join(KINDS)}, and 1 "
                "to 89 sessions"
            )

    @property
    def vocabulary(self) -> int:
        """All words."""
        return len(words())

    @property
    def chance(self) -> float:
        """Only that nothing was told is ever right by a guess, in three replies of ten."""
        asking = CHANCE * self.rows("reply") * ("reply" in self.kinds)
        return asking / sum(self.rows(kind) for kind in self.kinds)

    def batch(self, seed: int, index: int) -> Batch:
        """The rows of this number, the end of shorter ones filled with what does not weigh."""
        random, kind = seeded(seed, index), self.kinds[index % len(self.kinds)]
        prompts = [self.prompt(kind, random) for _ in range(self.rows(kind))]
        return padded([(prompt, oracle(prompt)) for prompt in prompts])

    def rows(self, kind: str) -> int:
        """Rows of a usual batch; short memories are many, for looking up is learned from them."""
        short = min(MORE, USUAL // min(self.longest, USUAL)) if kind == "compress" else 1
        return ROWS[kind] * short

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def prompt(self, kind: str, random: Random) -> str:
        """One prompt of a task."""
        most = self.longest if kind == "compress" else min(self.longest, USUAL)
        length = random.randint(1, most)
        life = Life(FRESH + random.getrandbits(60), length + 1, random.randint(2, 14))
        if kind == "remember":
            return remember(life.name, random.choice(life.sessions).turns)
        if kind == "compress":
            return _compress(life, random, length)
        return _reply(life, random, length)

    def oracle(self, tokens: Int64[Tensor, "batch time"]) -> Int64[Tensor, "batch time"]:
        """The right next token at every place of an output; 0 elsewhere."""
        found = torch.zeros_like(tokens)
        for row, right in zip(tokens, found, strict=True):
            said = decoded(row.tolist())
            prompt = said.partition(f" {THEN}")[0] + f" {THEN}"
            output = encoded(oracle(prompt))
            start = len(prompt.split()) - 1
            stop = min(start + len(output), len(row))
            right[start:stop] = torch.tensor(output[: stop - start])
        return found


def padded(pairs: list[tuple[str, str]]) -> Batch:
    """Prompts and outputs as a batch; outputs weigh and count as answers."""
    rows = [(encoded(prompt), encoded(output)) for prompt, output in pairs]
    longest = max(len(prompt) + len(output) for prompt, output in rows)
    whole = torch.zeros(len(rows), longest, dtype=torch.int64)
    asked = torch.zeros(whole.shape, dtype=torch.bool)
    for (prompt, output), tokens, mark in zip(rows, whole, asked, strict=True):
        end = len(prompt) + len(output)
        tokens[:end] = torch.tensor(prompt + output)
        mark[len(prompt) : end] = True
    return asked_batch(whole, asked)


def _compress(life: Life, random: Random, length: int) -> str:
    """Some of the notes of all sessions, or of an earlier memory and the notes since."""
    dates = sorted(random.sample(range(1, MOST_DATES), length))
    prior = random.randint(1, length) if random.random() < PRIOR else 0
    facts = [fact for session in life.sessions[:length] for fact in session.facts]
    said = [f"{f.slot.note(life.name, f.value)} @{dates[f.session - 1]}" for f in facts]
    old = sum(len(session.facts) for session in life.sessions[:prior])
    early = compressed(life.name, said[:old])
    said = [line.text(life.name) for line in early] + said[old:]
    refs = sorted(random.sample(range(1, MOST_REFS), min(len(said), MOST_REFS - 1)))
    marked = [cited(note, ref) for ref, note in zip(refs, said, strict=False)]
    return compress(life.name, random.choice(together(marked)))


def _reply(life: Life, random: Random, length: int) -> str:
    """A question, or what else is said last, after a memory, raw lines or nothing."""
    dates = [0, *sorted(random.sample(range(1, MOST_DATES), length))]
    context = random.choices(("", "memory", "lines"), (1, 5, 3))[0]
    facts = [fact for session in life.sessions[:length] for fact in session.facts]
    if context == "memory":
        notes = [f"{f.slot.note(life.name, f.value)} @{dates[f.session]}" for f in facts]
        context = memory_text(compressed(life.name, notes), life.name, refs=False)
    elif context == "lines":
        context = " ".join(_lines(life.sessions[:length], dates, random))
    turns = list(life.sessions[length].turns[: 2 * random.randint(0, 3)])
    if random.random() < 0.1 and turns:
        return reply(context, turns[:-1])
    facts = told(known_in(context))
    changed = [slot for slot, known in facts.items() if known.before]
    if changed and random.random() < 0.25:
        return reply(context, [*turns, random.choice(changed).before()])
    slot = random.choice(list(facts) or SLOTS) if random.random() < 0.8 else random.choice(SLOTS)
    text = slot.before() if random.random() < 0.1 else random.choice(slot.questions())
    return reply(context, [*turns, text])


def _lines(sessions: tuple[Session, ...], dates: list[int], random: Random) -> list[str]:
    """Some of the user's turns, in order, as a look-up would bring them."""
    said = [(s.number, turn) for s in sessions for turn in s.turns[::2]]
    kept = sorted(random.sample(range(len(said)), min(len(said), random.randint(1, 16))))
    return [f"@{dates[said[i][0]]} user {said[i][1]}" for i in kept]


def encoded(text: str) -> list[int]:
    """Words as tokens. Raises `UserError` for a word that the world does not have."""
    table = _tokens()
    try:
        return [table[word] for word in text.split()]
    except KeyError as error:
        raise UserError(
            f"{error} is no word of the invented world: this model speaks only its {len(table)}"
        ) from None


def decoded(tokens: list[int]) -> str:
    """Tokens as words."""
    every = words()
    return " ".join(every[token] for token in tokens)


@cache
def words() -> tuple[str, ...]:
    """Every word there is; its place is its token."""
    return every_word()


@cache
def _tokens() -> dict[str, int]:
    return {word: i for i, word in enumerate(words())}
