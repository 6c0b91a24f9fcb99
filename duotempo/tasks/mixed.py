"""Several tasks in turn: each batch comes from one of them, drawn by its number."""

from collections.abc import Iterator
from dataclasses import dataclass

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, Task
from duotempo.tasks.seeds import seeded


@dataclass(frozen=True)
class Mixed:
    """Batches of `parts`, each drawn as often as its share in `shares` says.

    Raises `UserError` for shares that do not fit the parts.
    """

    parts: tuple[Task, ...]
    shares: tuple[float, ...]

    def __post_init__(self) -> None:
        fits = len(self.parts) == len(self.shares) > 0
        if not fits or min(self.shares) < 0 or sum(self.shares) <= 0:
            raise UserError(
                f"{len(self.parts)} tasks and the shares {self.shares}: give one share a task, "
                "none below 0 and one above"
            )

    @property
    def chance(self) -> float:
        """Share of exact answers by a blind guess, over batches."""
        each = zip(self.parts, self.shares, strict=True)
        return sum(part.chance * share for part, share in each) / sum(self.shares)

    def batch(self, seed: int, index: int) -> Batch:
        """The batch of this number."""
        (part,) = seeded(seed, index, 0).choices(self.parts, self.shares)
        return part.batch(seed, index)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1
