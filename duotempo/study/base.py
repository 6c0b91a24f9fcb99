"""The shape of a study: jobs are measured into rows; rows alone give the claims and the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from duotempo.core import Tell

Size = Literal["smoke", "full"]
"""How much is measured: *smoke* walks the whole path in seconds, *full* is what gets published."""

Style = Literal["line", "dashed", "dotted", "dots"]
"""How a series is drawn: a line with a band, or dots with whiskers."""


@dataclass(frozen=True, order=True)
class Job:
    """One unit of work: an arm (a system, or its twin without the split) and a seed or document."""

    arm: str
    seed: int


@dataclass(frozen=True)
class Row:
    """One measured number. `x` is where on the arm's axis it was taken (passes, tokens, ...)."""

    arm: str
    seed: int
    metric: str
    x: float | None
    value: float


@dataclass(frozen=True)
class Claim:
    """A number that may be published: its 95 % interval, the target it is held to, the outcome."""

    claim: str
    value: float
    low: float
    high: float
    target: str
    holds: bool


@dataclass(frozen=True)
class Point:
    """A mean with its interval at one place of a series; low = high = mean when there is none."""

    x: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """One named curve of a figure."""

    name: str
    points: tuple[Point, ...]
    style: Style = "line"


@dataclass(frozen=True)
class Mark:
    """A point of a figure that is pointed out by words: the guard's pick, a published number."""

    x: float
    y: float
    label: str


@dataclass(frozen=True)
class Figure:
    """What is shown, not how it is drawn. The title says what was found; labels carry units."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    marks: tuple[Mark, ...] = ()
    log_x: bool = False
    caption: str = ""


@runtime_checkable
class Study(Protocol):
    """One question, answered by arms x seeds. A study is a frozen dataclass, its own settings."""

    @property
    def name(self) -> str:
        """The word on the command line, which also names the result file."""
        ...

    @property
    def question(self) -> str:
        """What is asked, in one sentence."""
        ...

    @property
    def metrics(self) -> Mapping[str, str]:
        """Name of each metric -> its meaning, with the unit."""
        ...

    def jobs(self, size: Size) -> Sequence[Job]:
        """All there is to measure; no job twice."""
        ...

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """The numbers of one job. Pure in job and size: everything random is seeded.

        Runs in a process of its own, so the study must be picklable (a module-level dataclass).
        """
        ...

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the rows say, held against the targets; computed from nothing but the rows."""
        ...

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """What the rows look like; computed from nothing but the rows."""
        ...

    def inputs(self, size: Size) -> Mapping[str, str]:
        """Each text and model that is read, by name -> sha256 (empty: all is generated)."""
        ...
