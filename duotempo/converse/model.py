"""What any model must do to hold a memory: the three tasks, and what they give back."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from duotempo.archive.conversation_records import Line

PARTS = ("portrait", "relation", "recap")
"""Of a memory: who the user is; how both speak with each other; what they did. Source: COMEDY,
arXiv 2402.11975, task 2."""
SAID = "said"
"""In place of these: lines of earlier sessions as they were said."""


@dataclass(frozen=True)
class Said:
    """A turn of the session that is being read; numbered from 1 within it."""

    number: int
    role: str
    text: str


@dataclass(frozen=True)
class Finding:
    """A sentence that a model made, and the numbers of what it read that it rests on."""

    text: str
    numbers: tuple[int, ...]
    part: str = ""


@dataclass(frozen=True)
class Dated:
    """A note to be compressed: its session and day (0 and "" for what has dates in its text), and
    the turns under it."""

    text: str
    session: int
    day: str
    turns: tuple[int, ...]


class Unreadable(Exception):
    """What a model said could not be read, also after it was asked once more."""


@runtime_checkable
class Model(Protocol):
    """One model for the three tasks of COMEDY (arXiv 2402.11975). Raises `Unreadable`."""

    @property
    def context(self) -> int:
        """Tokens that it can read and write at once."""
        ...

    def size(self, text: str) -> int:
        """Tokens of a text, or about so many."""
        ...

    def remember(self, name: str, turns: Sequence[Said]) -> list[Finding]:
        """Task 1, session memory: sentences about what was said, resting on turn numbers."""
        ...

    def compress(self, name: str, notes: Sequence[Dated], budget: int) -> list[Finding]:
        """Task 2, compression: sentences with their parts, resting on notes by place, from 1."""
        ...

    def reply(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
        """Task 3: what to say next, with a memory or none."""
        ...


Asked = tuple[Sequence[Line], Sequence[Said]]
"""A memory and the turns of a session that it stands before."""


@runtime_checkable
class Many(Protocol):
    """A model that replies in many sessions at once, sooner than one after the other."""

    def replies(self, name: str, asked: Sequence[Asked]) -> list[str]:
        """What `reply` says to each; nothing where that cannot be read."""
        ...


def replies(model: Model, name: str, asked: Sequence[Asked]) -> list[str]:
    """A reply to each; nothing where a model's cannot be read."""
    if isinstance(model, Many):
        return model.replies(name, asked)
    return [_reply(model, name, memory, turns) for memory, turns in asked]


def _reply(model: Model, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
    try:
        return model.reply(name, memory, turns)
    except Unreadable:
        return ""


@runtime_checkable
class Streamed(Protocol):
    """What a model may be able to do besides: task 3 piece by piece, as it comes."""

    def stream(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> Iterator[str]:
        """What to say next; all pieces together are the reply."""
        ...
