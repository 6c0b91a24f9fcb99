"""Needles in prose: facts told once in real text, any distance away, asked for at its end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar

import torch
from jaxtyping import Int64, UInt8
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, Row, Score, byte_batch, score
from duotempo.tasks.facts import (
    LETTERS,
    TABLE,
    Cut,
    Fact,
    apart,
    check_kinds,
    decoys,
    draw,
    insert,
    longest,
    mixture,
    oracle,
)
from duotempo.tasks.needle_words import HELD_OUT_WORDS, TRAIN_WORDS
from duotempo.tasks.prose import HeldOut, Source, check_split, corpus, room
from duotempo.tasks.seeds import seeded

__all__ = ["Fact", "Needle", "Score", "Stream", "haystack", "oracle", "score"]

TRIES = 200
SLACK = 256
"""Bytes behind the last place of a needle in which a white space is sure to come."""


@dataclass(frozen=True)
class Needle:
    """Texts of real prose, each with facts told once and asked for at the end.

    A batch holds texts of one length, drawn from `lengths`, together at most `tokens` bytes. A
    text holds as many facts as one of `needles` says, their kinds drawn from `kinds` (name one
    twice and it comes twice as often), at depths in the range `depth` (0 the beginning, 1 the
    end), and `decoys` sentences per thousand bytes on average that resemble them. At the end
    `asked` of them are asked for in random order (None: all), each with its answer; more than
    there are means again. The `held-out` split has other prose and other words. Of the words to
    be remembered, a share `invented` is none of any language. The answers of a text and all its
    other bytes weigh as 1 to `prose_weight`.

    Raises `UserError` for settings that do not go together.
    """

    source: Source = None
    lengths: tuple[int, ...] = (512,)
    tokens: int = 4096
    kinds: tuple[str, ...] = ("passkey",)
    needles: tuple[int, ...] = (1,)
    asked: int | None = 1
    depth: tuple[float, float] = (0.0, 1.0)
    decoys: float = 0.0
    invented: float = 0.5
    prose_weight: float = 0.1
    split: str = "train"
    held_out: HeldOut = 0.1
    vocabulary: ClassVar[int] = 256

    def __post_init__(self) -> None:
        check_split(self.split, self.held_out)
        check_kinds(self.kinds, self.needles)
        if self.asked is not None and self.asked < 1:
            raise UserError(f"asked={self.asked}: ask at least 1, or None for all")
        if not 0 <= self.depth[0] <= self.depth[1] <= 1:
            raise UserError(f"depth={self.depth}: give a range (low, high) within 0 and 1")
        if not 0 <= self.invented <= 1 or self.decoys < 0 or self.prose_weight < 0:
            raise UserError(
                f"invented={self.invented}, decoys={self.decoys}, prose_weight="
                f"{self.prose_weight}: a share from 0 to 1, and two numbers not below 0"
            )
        most = max(self.needles)
        need = longest(self.kinds) * (most + (most if self.asked is None else self.asked))
        if not self.lengths or min(self.lengths) < need or max(self.lengths) > self.tokens:
            raise UserError(
                f"lengths={self.lengths}: each must lie between {need} bytes, which the facts and "
                f"questions take, and tokens={self.tokens}, the bytes of a batch"
            )

    @property
    def chance(self) -> float:
        """Share of exact answers by a blind guess of so many digits or of a listed word."""
        words = len(HELD_OUT_WORDS if self.split == "held-out" else TRAIN_WORDS)
        listed = (1 - self.invented) / words
        found = [10.0 ** -TABLE[k].digits if TABLE[k].digits else listed for k in self.kinds]
        return sum(found) / len(found)

    @property
    def chance_token(self) -> float:
        """Share of single bytes by a blind guess: one of ten digits, or of 27 signs in a word."""
        found = [1 / 10 if TABLE[k].digits else 1 / LETTERS for k in self.kinds]
        return sum(found) / len(found)

    def batch(self, seed: int, index: int) -> Batch:
        """The texts of this number; raises `UserError` for a source shorter than they are."""
        text = corpus(self.source, self.split, self.held_out)
        length = seeded(seed, index).choice(self.lengths)
        rows = [
            self._row(seeded(seed, index, row), text, length)
            for row in range(self.tokens // length)
        ]
        return byte_batch(rows, self.prose_weight)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def facts(self, random: Random) -> list[Fact]:
        """The facts of one text."""
        kinds = mixture(random, self.kinds, random.choice(self.needles))
        return draw(random, kinds, self.split == "held-out", self.invented)

    def _row(self, random: Random, text: UInt8[Tensor, " bytes"], length: int) -> Row:
        """A text with one byte more than its length."""
        for _ in range(TRIES):
            facts = self.facts(random)
            asked = _questions(random, facts, self.asked)
            rest = length + 1 - sum(len(fact.told) for fact in (*facts, *asked))
            false = self._decoys(random, rest)
            rest -= sum(map(len, false))
            start = random.randrange(room(text, rest))
            prose = _bytes(text[start : start + rest])
            if apart(facts, b"\n".join([prose, *false])):
                break
        else:
            raise UserError(
                "the text holds needles of its own or all the answers: take another source, "
                "shorter lengths or kinds with digits"
            )
        cuts = [(random.randint(0, rest), each) for each in false]
        cuts += [(int(random.uniform(*self.depth) * rest), fact.told) for fact in facts]
        return _asked(insert(prose, random.sample(cuts, len(cuts))), asked)

    def _decoys(self, random: Random, rest: int) -> list[bytes]:
        """Decoys for so many bytes, of which they take half at the most."""
        false = decoys(
            random, random.randint(0, round(self.decoys * rest / 500)), self.split == "held-out"
        )
        while 2 * sum(map(len, false)) > rest:
            false.pop()
        return false


@dataclass(frozen=True, eq=False)
class Stream:
    """Endless prose, a row for each reader, with needles near its beginning; made by `haystack`.

    Nothing of it is kept but the text it goes round in, so its length costs no memory.
    """

    facts: tuple[tuple[Fact, ...], ...]
    heads: tuple[bytes, ...]
    after: Int64[Tensor, " batch"]
    text: UInt8[Tensor, " bytes"]
    prose_weight: float

    def pieces(
        self, length: int, piece: int = 4096, start: int = 0
    ) -> Iterator[Int64[Tensor, "batch piece"]]:
        """The bytes from `start` to `length` in pieces of [batch, piece], the last one shorter."""
        if piece < 1 or start < 0:
            raise UserError(f"piece={piece}, start={start}: at least 1 and at least 0")
        for at in range(start, length, piece):
            yield self.read(at, min(piece, length - at))

    def read(self, at: int, count: int) -> Int64[Tensor, "batch piece"]:
        """So many bytes of each row from a place on."""
        heads = torch.tensor([len(head) for head in self.heads])
        places = (self.after - heads)[:, None] + torch.arange(at, at + count)
        found = self.text[places % len(self.text)].long()
        for row, head in zip(found, self.heads, strict=True):
            if part := head[at : at + count]:
                row[: len(part)] = torch.tensor(list(part))
        return found

    def question(self, at: int, which: int = 0, length: int | None = None) -> Batch:
        """A question about one of each row's facts, for a copy of the state after `at` bytes.

        Each row goes on in its prose so far that all end together with their answers; `length` is
        the number of tokens, by default what the longest question needs.
        """
        fewest = min(map(len, self.facts))
        if not 0 <= which < fewest:
            raise UserError(f"which={which}: each row holds {fewest} facts, numbered from 0")
        asked = [facts[which] for facts in self.facts]
        need = max(len(fact.told) for fact in asked)
        whole = need if length is None else length + 1
        if whole < need:
            raise UserError(f"length={length}: the longest question needs {need - 1} tokens")
        prose = self.read(at, whole)
        rows = [
            _asked(bytes(row[: whole - len(fact.told)].tolist()), [fact])
            for row, fact in zip(prose, asked, strict=True)
        ]
        return byte_batch(rows, self.prose_weight)


def haystack(
    task: Needle, seed: int, *, rows: int = 8, within: tuple[int, int] = (256, 2000)
) -> Stream:
    """A stream of the task's prose, from each row's own place on, round again when used up.

    Each row has its own facts, told after as many bytes as `within` says (low, high). The task's
    decoys stand in all of the prose; `lengths`, `depth` and `asked` have no part in it. No answer
    stands anywhere else. Raises `UserError` as the task does.
    """
    if rows < 1 or not 0 <= within[0] <= within[1]:
        raise UserError(f"rows={rows}, within={within}: at least 1, and a range from 0 up")
    random = seeded(seed)
    plain = _bytes(corpus(task.source, task.split, task.held_out))
    count = round(task.decoys * len(plain) / 1000)
    false = decoys(random, count, task.split == "held-out")
    hay = insert(plain, [(random.randrange(len(plain)), each) for each in false])
    facts, heads, after = [], [], []
    for row in range(rows):
        mine = seeded(seed, row)
        facts.append(_unheard(task, mine, hay))
        start = mine.randrange(len(hay))
        head = _round(hay, start, within[1] + SLACK)
        cuts: list[Cut] = [(mine.randint(*within), fact.told) for fact in facts[-1]]
        heads.append(insert(head, cuts))
        after.append((start + len(head)) % len(hay))
    text = torch.frombuffer(bytearray(hay), dtype=torch.uint8)
    return Stream(tuple(facts), tuple(heads), torch.tensor(after), text, task.prose_weight)


def _unheard(task: Needle, random: Random, hay: bytes) -> tuple[Fact, ...]:
    """Facts of which the text says nothing."""
    for _ in range(TRIES):
        facts = task.facts(random)
        if apart(facts, hay):
            return tuple(facts)
    raise UserError(
        "the text holds needles of its own or all the answers: take another source or kinds "
        "with digits"
    )


def _round(hay: bytes, start: int, count: int) -> bytes:
    """So many bytes from a place on, round again at the end."""
    times = 1 + (start + count) // len(hay)
    return (hay * times)[start : start + count]


def _questions(random: Random, facts: Sequence[Fact], asked: int | None) -> list[Fact]:
    """The facts to ask for, in random order; none comes again before all were asked."""
    wanted: list[Fact] = []
    count = len(facts) if asked is None else asked
    while len(wanted) < count:
        wanted += random.sample(facts, len(facts))
    return wanted[:count]


def _asked(text: bytes, facts: Sequence[Fact]) -> Row:
    """A text with questions and answers at its end, and where the answers are."""
    spans = []
    for fact in facts:
        spans.append(fact.span(len(text)))
        text += fact.told
    return text, spans


def _bytes(text: UInt8[Tensor, " bytes"]) -> bytes:
    return text.numpy().tobytes()
