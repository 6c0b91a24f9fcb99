"""What a benchmark of conversations holds: sessions as they were said, questions, evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Rule = Literal["whole", "parts", "choice", "none"]
"""How an answer is scored: token F1 against the whole answer; the mean over its comma-split parts;
by choosing between the answer and that there is none; or not without a judge."""


@dataclass(frozen=True)
class Uttered:
    """A turn, under the benchmark's own name for it."""

    ref: str
    role: str
    text: str


@dataclass(frozen=True)
class Sitting:
    """A session: when it began, in seconds since 1970 (its clock taken for UTC), and its turns."""

    ref: str
    begun: float
    turns: Sequence[Uttered]


@dataclass(frozen=True)
class Asked:
    """A question with its gold answer and the turns and sessions that hold the evidence.

    `when` is the day that it is asked on, "" if the benchmark does not say.
    """

    ref: str
    kind: str
    text: str
    answer: str
    rule: Rule
    turns: frozenset[str]
    sessions: frozenset[str]
    when: str = ""


@dataclass(frozen=True)
class Told:
    """One conversation: who it is with, its sessions in the order of time, what is asked of it."""

    ref: str
    name: str
    sittings: Sequence[Sitting]
    questions: Sequence[Asked]
