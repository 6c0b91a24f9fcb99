"""Rule 110: bit strings, then for each the first bit of what the automaton makes of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from jaxtyping import Int64
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, asked_batch, generator

RULE = (0, 1, 1, 1, 0, 1, 1, 0)
"""The next state of a cell by 4 * left + 2 * itself + right: 110 in binary, from the right."""
MOST = 64
EXACT = 7


@dataclass(frozen=True)
class Rule110:
    """`strings` random strings of `width` bits, a bit a token, then a mark and one label a string.

    A label is the first bit of its string after `steps` steps of rule 110 *on a ring*: the first
    cell's left neighbour is the last one (the paper, arXiv 2605.26099, does not say). The labels
    of a row are one answer, so exact means all of them.
    The mark tells the number of steps, so that tasks of several may be mixed; with 0 steps this is
    retrieval. Raises `UserError` for sizes that do not go together.
    """

    steps: int = 4
    strings: int = 4
    width: int = 24
    rows: int = 64

    def __post_init__(self) -> None:
        if self.width < 3 or min(self.strings, self.rows) < 1 or not 0 <= self.steps <= MOST:
            raise UserError(
                f"{self}: a ring has at least 3 cells, strings and rows are at least 1, steps lie "
                f"between 0 and {MOST}"
            )

    @property
    def vocabulary(self) -> int:
        """Two bits, and a mark for every number of steps."""
        return 2 + MOST + 1

    @property
    def chance(self) -> float:
        """Share of rows that the likelier label, said for every string, gets right."""
        ones = likely(self.steps)
        return max(ones, 1 - ones) ** self.strings

    def batch(self, seed: int, index: int) -> Batch:
        """The rows of this number."""
        shape = (self.rows, self.strings, self.width)
        bits = torch.randint(0, 2, shape, generator=generator(seed, index))
        labels = evolved(bits, self.steps)[..., 0]
        mark = torch.full((self.rows, 1), 2 + self.steps)
        asked = torch.zeros(self.rows, self.strings * (self.width + 1) + 1, dtype=torch.bool)
        asked[:, -self.strings :] = True
        return asked_batch(torch.cat((bits.flatten(1), mark, labels), 1), asked)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def oracle(self, tokens: Int64[Tensor, "batch time"]) -> Int64[Tensor, "batch time"]:
        """The labels in their places, from the strings alone; 0 elsewhere."""
        size = self.strings * self.width
        bits = tokens[:, :size].unflatten(1, (self.strings, self.width))
        found = torch.zeros_like(tokens)
        found[:, size:] = evolved(bits, self.steps)[..., 0]
        return found


@lru_cache
def likely(steps: int) -> float:
    """How often a cell is 1 after so many steps: counted over all that it can see, up to 7 steps
    (on an unbounded line; a narrower ring differs by thousandths), then on random cells."""
    reach = min(steps, EXACT)
    if steps == reach:
        numbers = torch.arange(1 << (2 * reach + 1))
        bits = numbers[:, None] >> torch.arange(2 * reach + 1) & 1
        return evolved(bits, steps)[:, reach].double().mean().item()
    bits = torch.randint(0, 2, (1 << 14, 64), generator=generator(0, steps))
    return evolved(bits, steps).double().mean().item()


def evolved(bits: Int64[Tensor, "*many width"], steps: int) -> Int64[Tensor, "*many width"]:
    """Rings of cells after so many steps."""
    rule = torch.tensor(RULE)
    for _ in range(steps):
        bits = rule[4 * bits.roll(1, -1) + 2 * bits + bits.roll(-1, -1)]
    return bits
