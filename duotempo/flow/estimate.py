"""A number with how many facts it rests on and its bootstrap interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy

LEVEL = 0.95
FEW = 10
"""Below so many facts an interval is too narrow to be believed, and says so."""


@dataclass(frozen=True)
class Estimate:
    """A mean over `n` facts and its 95 % bootstrap interval."""

    value: float
    low: float
    high: float
    n: int

    @property
    def few(self) -> bool:
        """True when the interval rests on fewer than ten facts."""
        return self.n < FEW

    def __str__(self) -> str:
        few = ", few" if self.few else ""
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}] (n = {self.n}{few})"


def estimate(values: Sequence[float | int], *, draws: int = 2000, seed: int = 0) -> Estimate | None:
    """The mean of one number a fact, with its percentile bootstrap interval (Efron 1979).

    The same on every call. None where there is no fact: a row that does not apply says none.
    """
    if not values:
        return None
    items = numpy.asarray(values, dtype=numpy.float64)
    value = float(items.mean())
    picks = numpy.random.default_rng(seed).integers(len(items), size=(draws, len(items)))
    low, high = numpy.quantile(items[picks].mean(1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(low), float(high), len(items))


def shown(found: Estimate | None) -> str:
    """An estimate for a table; "none" where there is none."""
    return "none" if found is None else str(found)
