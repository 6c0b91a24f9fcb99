"""Depo: edges of a shuffled cycle, then questions: which node stands k hops on from this one?"""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import TypeVar

import torch
from jaxtyping import Int64
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, asked_batch, generator
from duotempo.tasks.seeds import seeded

Node = TypeVar("Node")
Numbers = TypeVar("Numbers", int, Tensor)


@dataclass(frozen=True)
class Depo:
    """One directed cycle over `nodes` nodes, an edge a token, then `queries` questions.

    A row is all edges in random order, then question, answer, question, answer, ... A token is a
    pair: an edge is its tail and its head, a question a node to start from, each of a row a
    different one, and a number of hops, 1 to `hops`; an answer is a node alone. Only answers
    count. With `hop` all questions are of that number of hops. Keep `hops` at half of `nodes` at
    most: past that the way back is shorter. Source: the multi-hop task of Physics of Language
    Models 4.1, in its smallest form. Raises `UserError` for sizes that do not go together.
    """

    nodes: int = 8
    hops: int = 4
    queries: int = 4
    rows: int = 64
    hop: int | None = None

    def __post_init__(self) -> None:
        _check_sizes(self.nodes, self.hops, self.queries, self.rows, self.hop)
        if self.queries > self.nodes:
            raise UserError(
                f"queries={self.queries}, nodes={self.nodes}: each question starts from a node of "
                "its own, so ask at most as many as there are nodes"
            )

    @property
    def parts(self) -> tuple[int, int]:
        """Tails or nothing, heads or hops: the numbers that a token's pair is made of."""
        return self.nodes + 1, self.nodes + self.hops

    @property
    def vocabulary(self) -> int:
        """All pairs."""
        return self.parts[0] * self.parts[1]

    @property
    def context(self) -> int:
        """Tokens before the first question."""
        return self.nodes

    @property
    def chance(self) -> float:
        """Share of right answers by a guess that saw no edge, to a row's first question.

        Answers tell of each other: no two questions of the same hops share one, and half way round
        the cycle the way there is as long as the way back. So a row with several questions gives
        more to who can draw conclusions.
        """
        return 1 / (self.nodes - 1)

    def batch(self, seed: int, index: int) -> Batch:
        """The rows of this number."""
        g, n, rows = generator(seed, index), self.nodes, self.rows
        cycle = torch.rand(rows, n, generator=g).argsort(1)
        after = torch.empty_like(cycle).scatter_(1, cycle, cycle.roll(-1, 1))
        tails = torch.rand(rows, n, generator=g).argsort(1)
        edges = self._pair(tails, after.gather(1, tails))
        starts = torch.rand(rows, n, generator=g).argsort(1)[:, : self.queries]
        hops = torch.randint(1, self.hops + 1, starts.shape, generator=g)
        hops = hops if self.hop is None else torch.full_like(hops, self.hop)
        nodes = cycle.gather(1, (cycle.argsort(1).gather(1, starts) + hops) % n)
        pairs = (self._pair(starts, n + hops - 1), self._pair(torch.full_like(nodes, n), nodes))
        told = torch.stack(pairs, 2).flatten(1)
        asked = torch.zeros(rows, n + 2 * self.queries, dtype=torch.bool)
        asked[:, n + 1 :: 2] = True
        return asked_batch(torch.cat((edges, told), 1), asked)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def oracle(self, tokens: Int64[Tensor, "batch time"]) -> Int64[Tensor, "batch time"]:
        """The answer wherever a question stands, from the edges before it; 0 elsewhere."""
        n, found = self.nodes, torch.zeros_like(tokens)
        for row, guesses in zip(tokens.tolist(), found, strict=True):
            after: dict[int, int] = {}
            for place, token in enumerate(row):
                first, second = divmod(token, self.parts[1])
                if first < n and second < n:
                    after[first] = second
                elif first < n:
                    node = walk(after, first, second - n + 1)
                    guesses[place] = self._pair(n, node)
        return found

    def questions(
        self, edges: Int64[Tensor, "1 context"], random: Random, count: int
    ) -> Int64[Tensor, "1 asked"]:
        """Question, answer, question, answer, ...: what the edges of one row give answers to."""
        after = dict(divmod(edge, self.parts[1]) for edge in edges[0].tolist())
        told = []
        for start in random.sample(range(self.nodes), count):
            hops = random.randint(1, self.hops)
            node = walk(after, start, hops)
            told += [self._pair(start, self.nodes + hops - 1), self._pair(self.nodes, node)]
        return torch.tensor([told])

    def _pair(self, first: Numbers, second: Numbers) -> Numbers:
        return first * self.parts[1] + second


PAD, ASK = 0, 1
EDGE, QUERY = 4, 6  # tokens of an edge, and of a question with its answer


@dataclass(frozen=True)
class DepoNames:
    """Depo as published, near enough: named nodes, graphs of many sizes, ten questions.

    A name is two tokens, one of `symbols` beginnings and one of `symbols` endings. The edges of a
    cycle over 3 to `nodes` nodes stand in random order, padded on the left to 4 tokens a node of
    the largest; then follow `queries` questions of 6 tokens: a mark, the hops (1 to `hops`), a
    name, and the answer's name, which alone counts. The number of nodes n is drawn with weight
    1 / (n + sqrt(nodes)). A graph smaller than `queries` is asked fewer questions, each start
    once. Source: Depo of Physics of Language Models 4.1 as arXiv 2605.26099 uses it (75 nodes in
    300 tokens, hops to 16, 60 tokens of questions); how 75 nodes fit 300 tokens is not printed,
    two tokens a name are ours. Raises `UserError` for sizes that do not go together.
    """

    nodes: int = 75
    hops: int = 16
    queries: int = 10
    symbols: int = 10
    rows: int = 32
    hop: int | None = None

    def __post_init__(self) -> None:
        _check_sizes(self.nodes, self.hops, self.queries, self.rows, self.hop)
        if self.symbols**2 < self.nodes:
            raise UserError(
                f"symbols={self.symbols}: {self.nodes} nodes need as many names, and two symbols "
                f"make {self.symbols**2}: take more symbols or fewer nodes"
            )

    @property
    def vocabulary(self) -> int:
        """Padding, the mark, hops, beginnings, endings."""
        return 2 + self.hops + 2 * self.symbols

    @property
    def chance(self) -> float:
        """Share of right answers by a guess among the graph's other nodes, mean over sizes, if all
        hops are shorter than the way round."""
        sizes = range(3, self.nodes + 1)
        weights = [1 / (size + self.nodes**0.5) for size in sizes]
        each = zip(sizes, weights, strict=True)
        return sum(w / (size - 1) for size, w in each) / sum(weights)

    @property
    def context(self) -> int:
        """Tokens before the first question."""
        return EDGE * self.nodes

    def batch(self, seed: int, index: int) -> Batch:
        """The rows of this number."""
        rows = [self._row(seeded(seed, index, row)) for row in range(self.rows)]
        whole = torch.tensor([row for row, _ in rows])
        asked = torch.zeros(whole.shape, dtype=torch.bool)
        for marks, (_, places) in zip(asked, rows, strict=True):
            marks[places] = True
        return asked_batch(whole, asked)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def oracle(self, tokens: Int64[Tensor, "batch time"]) -> Int64[Tensor, "batch time"]:
        """An answer's two tokens wherever they come next, from the edges before; 0 elsewhere."""
        found = torch.zeros_like(tokens)
        for row, guesses in zip(tokens.tolist(), found, strict=True):
            edges = [t for t in row[: self.context] if t != PAD]
            after = {tuple(e[:2]): tuple(e[2:]) for e in zip(*[iter(edges)] * EDGE, strict=True)}
            for place in range(self.context, len(row) - 3):
                if row[place] == ASK:
                    hops = row[place + 1] - 1
                    guesses[place + 3 : place + 5] = torch.tensor(
                        walk(after, tuple(row[place + 2 : place + 4]), hops)
                    )[: len(row) - place - 3]
        return found

    def _row(self, random: Random) -> tuple[list[int], list[int]]:
        """The tokens of a row, one more than its length, and the places of answers."""
        sizes = range(3, self.nodes + 1)
        (n,) = random.choices(sizes, [1 / (size + self.nodes**0.5) for size in sizes])
        names = [self._name(i) for i in random.sample(range(self.symbols**2), n)]
        edges = [(*names[i], *names[(i + 1) % n]) for i in range(n)]
        random.shuffle(edges)
        row = [PAD] * (self.context - EDGE * n) + [token for edge in edges for token in edge]
        places = []
        for start in random.sample(range(n), min(n, self.queries)):
            hops = random.randint(1, self.hops) if self.hop is None else self.hop
            row += [ASK, 1 + hops, *names[start], *names[(start + hops) % n]]
            places += [len(row) - 2, len(row) - 1]
        row += [PAD] * (self.context + QUERY * self.queries + 1 - len(row))
        return row, places

    def _name(self, number: int) -> tuple[int, int]:
        first, last = divmod(number, self.symbols)
        return 2 + self.hops + first, 2 + self.hops + self.symbols + last


def walk(after: dict[Node, Node], start: Node, hops: int) -> Node:
    """The node so many hops on."""
    for _ in range(hops):
        start = after[start]
    return start


def _check_sizes(nodes: int, hops: int, queries: int, rows: int, hop: int | None) -> None:
    if nodes < 3 or min(hops, queries, rows) < 1:
        raise UserError(
            f"nodes={nodes}, hops={hops}, queries={queries}, rows={rows}: a cycle has at least 3 "
            "nodes, and the others must be at least 1"
        )
    if hop is not None and not 1 <= hop <= hops:
        raise UserError(f"hop={hop}: must lie between 1 and hops={hops}")
