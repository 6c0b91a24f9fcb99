"""Intervals over seeds, and the claims and curves that are made of them."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy

from duotempo.core import UserError
from duotempo.study.base import Claim, Point, Row, Series, Style

LEVEL = 0.95
_TARGET = re.compile(r"(>=|<=|==|>|<)\s*([-+]?\d*\.?\d+(?:[eE][-+]?\d+)?)(?:\s+\S.*)?")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
}


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean, as a Python float."""
    return float(numpy.mean(values))


def geometric(values: Sequence[float]) -> float:
    """The geometric mean, for ratios: twice and half as much make once."""
    return float(numpy.exp(numpy.mean(numpy.log(values))))


def interval(
    values_by_seed: Sequence[Any],
    statistic: Callable[[Sequence[Any]], float] = mean,
    *,
    draws: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """(value, low, high): a statistic of one item a seed, with its 95 % bootstrap interval.

    An item may be anything (a pair, a list), so that ratios of means and differences of pairs
    work: what belongs to one seed or document is drawn together. Percentile bootstrap, the same
    on every call. With one item there is no spread to draw from: low = high = value.
    Raises `UserError` when there is no item. Source: Efron 1979.
    """
    items = list(values_by_seed)
    if not items:
        raise UserError("an interval needs at least one value: no row fits this arm, metric and x")
    value = float(statistic(items))
    if len(items) == 1:
        return value, value, value
    picks = numpy.random.default_rng(seed).integers(len(items), size=(draws, len(items)))
    drawn = [float(statistic([items[i] for i in pick])) for pick in picks]
    low, high = numpy.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return value, float(low), float(high)


def reaches(value: float, target: str) -> bool:
    """Whether a value meets a target like ">= 0.85" or "<= 0.03 bits/token".

    Raises `UserError` for a target that is not a comparison and a number.
    """
    found = _TARGET.fullmatch(target.strip())
    if not found:
        raise UserError(f'target {target!r}: write a comparison and a number, like ">= 0.85"')
    return bool(_COMPARE[found[1]](value, float(found[2])))


def claim(
    text: str,
    values_by_seed: Sequence[Any],
    target: str,
    statistic: Callable[[Sequence[Any]], float] = mean,
) -> Claim:
    """A claim about a statistic over seeds. `holds` is judged on the value; the interval is shown
    beside it, so that a reader sees how near the target it lies."""
    value, low, high = interval(values_by_seed, statistic)
    return Claim(text, value, low, high, target, reaches(value, target))


def exact_claim(text: str, value: float, target: str) -> Claim:
    """A claim about a number that has no spread: a worst case over all rows, a size in bytes."""
    value = float(value)
    return Claim(text, value, value, value, target, reaches(value, target))


def by_seed(rows: Sequence[Row], arm: str, metric: str, x: float | None = None) -> dict[int, float]:
    """Seed -> value of one arm and metric at one `x`, in order of seeds."""
    found = {r.seed: r.value for r in rows if (r.arm, r.metric, r.x) == (arm, metric, x)}
    return dict(sorted(found.items()))


def minus(a: Mapping[int, float], b: Mapping[int, float]) -> list[float]:
    """Differences, a - b, of the seeds that both have."""
    return [a[seed] - b[seed] for seed in a if seed in b]


def over(a: Mapping[int, float], b: Mapping[int, float]) -> list[float]:
    """Ratios, a / b, of the seeds that both have, where there is something to divide by."""
    return [a[seed] / b[seed] for seed in a if b.get(seed)]


def there(series: Iterable[Series]) -> tuple[Series, ...]:
    """Those that have points: a smoke run has few arms."""
    return tuple(each for each in series if each.points)


def curve(
    rows: Sequence[Row], arm: str, metric: str, *, name: str = "", style: Style = "line"
) -> Series:
    """A series for a figure: the mean over seeds at each `x`, with its interval."""
    places = sorted({r.x for r in rows if (r.arm, r.metric) == (arm, metric) and r.x is not None})
    points = (Point(x, *interval(list(by_seed(rows, arm, metric, x).values()))) for x in places)
    return Series(name or arm, tuple(points), style)
