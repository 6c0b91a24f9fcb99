"""Studies: one question each, answered by arms and seeds, with claims that anyone can recompute."""

from collections.abc import Callable

from duotempo.study.base import (
    Claim,
    Figure,
    Job,
    Mark,
    Point,
    Row,
    Series,
    Size,
    Study,
)


def _mixture() -> Study:
    from duotempo.study.mixture import Mixture  # noqa: PLC0415, loaded when asked for

    return Mixture()


STUDIES: dict[str, Callable[[], Study]] = {
    "mixture": _mixture,
}
"""Name -> a function that makes the study: it loads when asked for, since some need torch."""

__all__ = [
    "STUDIES",
    "Claim",
    "Figure",
    "Job",
    "Mark",
    "Point",
    "Row",
    "Series",
    "Size",
    "Study",
]
