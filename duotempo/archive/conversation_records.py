"""What an archive of conversations gives back: turns, notes, versions of a memory."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Turn:
    """Something said: by whom (`user`, `assistant` or `system`) and when. `text` is None once it
    was forgotten."""

    id: int
    session: int
    number: int
    role: str
    text: str | None
    said: float


@dataclass(frozen=True)
class Session:
    """A session by its number; `noted`: its notes were taken, else how often that was tried and
    what was wrong."""

    number: int
    begun: float
    ended: float | None
    noted: bool
    tries: int
    fault: str


@dataclass(frozen=True)
class Note:
    """A sentence of a session's memory and the turns that it rests on."""

    session: int
    text: str
    turns: tuple[int, ...]


@dataclass(frozen=True)
class Line:
    """A sentence of a memory, the part that it is in, the turns that it rests on."""

    part: str
    text: str
    turns: tuple[int, ...]


@dataclass(frozen=True)
class Version:
    """A memory as it was proposed after session `until`; `kept` or refused, and why.

    `parent` is the version that stood when it was made.
    """

    number: int
    parent: int | None
    made: float
    until: int
    kept: bool
    reason: str
    lines: Sequence[Line] = ()
