"""Associative recall: pairs of a key and a value, then some of the keys again: which value?"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import torch
from jaxtyping import Int64
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch
from duotempo.tasks.seeds import seeded

FILLER = 0


@dataclass(frozen=True)
class Recall:
    """Multi-query associative recall: `pairs` told at the beginning, `queries` asked later.

    A row has `length` tokens below `vocabulary`: key, value, key, value, ..., then filler with
    queries in it, each followed by its value. Token 0 is filler, the lower half of the rest are
    keys, the upper half values; no key or value stands in two pairs of a row. A query's place is
    drawn with weight n ** (near - 1), n counted from the end of the pairs: 1 spreads the queries
    evenly, 0.01 (as in Zoology, arXiv 2312.04927) draws them near. Only values after queries
    count. Raises `UserError` for sizes that do not go together.
    """

    vocabulary: int = 256
    pairs: int = 8
    queries: int = 8
    length: int = 64
    rows: int = 32
    near: float = 1.0

    def __post_init__(self) -> None:
        least = 2 * (self.pairs + self.queries)
        if min(self.pairs, self.queries, self.rows) < 1 or self.near <= 0:
            raise UserError(f"{self}: pairs, queries and rows must be at least 1, near above 0")
        if self.length < least:
            raise UserError(f"length={self.length}: the pairs and queries take {least} tokens")
        if self.values < self.pairs:
            raise UserError(
                f"vocabulary={self.vocabulary}: {self.pairs} different keys and as many values "
                f"take at least {2 * self.pairs + 1}"
            )

    @property
    def values(self) -> int:
        """How many values there are, and how many keys."""
        return (self.vocabulary - 1) // 2

    @property
    def chance(self) -> float:
        """Share of right answers by a guess among the values that the row holds."""
        return 1 / self.pairs

    def batch(self, seed: int, index: int) -> Batch:
        """The rows of this number."""
        rows = [self._row(seeded(seed, index, row)) for row in range(self.rows)]
        whole = torch.tensor([row for row, _ in rows])
        answers = torch.zeros(whole.shape, dtype=torch.bool)
        for asked, (_, places) in zip(answers, rows, strict=True):
            asked[places] = True
        answers = answers[:, 1:].contiguous()
        tokens, targets = whole[:, :-1].contiguous(), whole[:, 1:].contiguous()
        return Batch(tokens, targets, answers.float(), answers)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def _row(self, random: Random) -> tuple[list[int], list[int]]:
        """The tokens of a row, one more than its length, and the places of its answers."""
        keys = random.sample(range(1, 1 + self.values), self.pairs)
        values = random.sample(range(1 + self.values, 1 + 2 * self.values), self.pairs)
        told = list(zip(keys, values, strict=True))
        asked: list[tuple[int, int]] = []
        while len(asked) < self.queries:
            asked += random.sample(told, self.pairs)
        row = [token for pair in told for token in pair]
        places = []
        spots = self._spots(random)
        for spot in range(self.length + 1 - 2 * self.pairs - self.queries):
            if spot in spots:
                row += asked[len(places)]
                places.append(len(row) - 1)
            else:
                row.append(FILLER)
        return row, places

    def _spots(self, random: Random) -> set[int]:
        """Which of the spots after the pairs hold a query; the others hold filler.

        A spot's key is log(u) / weight, and the largest keys win: sampling without replacement by
        weight (Efraimidis and Spirakis, 2006).
        """
        room = self.length + 1 - 2 * self.pairs - self.queries
        ranked = sorted(
            range(room),
            key=lambda spot: math.log(1 - random.random()) / (spot + 1) ** (self.near - 1),
            reverse=True,
        )
        return set(ranked[: self.queries])


def oracle(tokens: Int64[Tensor, "batch time"]) -> Int64[Tensor, "batch time"]:
    """The next token as far as a rule can tell it: after a key seen before, its value; else filler.

    Reads what stands before each place, nothing behind it.
    """
    found = torch.full_like(tokens, FILLER)
    for row, guesses in zip(tokens.tolist(), found, strict=True):
        told: dict[int, int] = {}
        for place, token in enumerate(row):
            guesses[place] = told.get(token, FILLER)
            if place:
                told.setdefault(row[place - 1], token)
    return found
