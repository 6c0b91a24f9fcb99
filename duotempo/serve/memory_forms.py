"""What the routes of the memory answer."""

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from duotempo.archive.conversation_records import Line, Turn, Version


class Sentence(BaseModel):
    """A sentence of a memory: its number from 1, its part, the ids of its turns."""

    number: int
    part: str
    text: str
    turns: list[int]

    @staticmethod
    def all(lines: Sequence[Line]) -> "list[Sentence]":
        """Sentences by number, from 1."""
        return [
            Sentence(number=n, part=line.part, text=line.text, turns=list(line.turns))
            for n, line in enumerate(lines, 1)
        ]


class MemoryResponse(BaseModel):
    """The memory that stands, null before the first, and the sessions that wait for a sleep."""

    object: Literal["memory"] = "memory"
    version: int | None
    sentences: list[Sentence]
    pending: list[int]


class TurnOf(BaseModel):
    """Something said; `text` is null once it was forgotten. `said`: seconds since 1970."""

    id: int
    session: int
    number: int
    role: str
    text: str | None
    said: float

    @staticmethod
    def made(turn: Turn) -> "TurnOf":
        """A turn of the archive's."""
        return TurnOf(
            id=turn.id, session=turn.session, number=turn.number, role=turn.role, text=turn.text,
            said=turn.said,
        )  # fmt: skip


class TurnList(BaseModel):
    """Turns in order."""

    object: Literal["list"] = "list"
    turns: list[TurnOf]


class VersionOf(BaseModel):
    """A version of a memory; without its sentences (null) in a list."""

    number: int
    parent: int | None
    made: float
    until: int
    kept: bool
    reason: str
    sentences: list[Sentence] | None = None

    @staticmethod
    def made_of(version: Version, whole: bool = False) -> "VersionOf":
        """A version of the archive's."""
        return VersionOf(
            number=version.number, parent=version.parent, made=version.made, until=version.until,
            kept=version.kept, reason=version.reason,
            sentences=Sentence.all(version.lines) if whole else None,
        )  # fmt: skip


class VersionList(BaseModel):
    """Versions in order."""

    object: Literal["list"] = "list"
    versions: list[VersionOf]


class SleepState(BaseModel):
    """Whether a sleep is under way or asked for, the sessions that wait, what went wrong last."""

    running: bool
    asked: bool
    pending: list[int]
    fault: str


class Forgotten(BaseModel):
    """How many turns were forgotten."""

    forgotten: int
