"""Immutable records that travel round the loop: Event, Candidate, Proposal, Verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Event:
    """One thing that happens while awake: a piece of input, or (content=None) a rest."""

    content: Any
    size: int = 0

    @property
    def rest(self) -> bool:
        """True when nothing new arrived: the caller asks for sleep."""
        return self.content is None


@dataclass(frozen=True)
class Candidate:
    """A possible next value of the slower channel, after `passes` passes of consolidation."""

    passes: int
    value: Any


@dataclass(frozen=True)
class Proposal:
    """What a sleep offers: candidates in order of passes, made one by one as the guard asks for
    them, and the evidence (held out from the sleep) to judge them by."""

    candidates: Iterable[Candidate]
    evidence: Any


@dataclass(frozen=True)
class Trial:
    """One line of a guard's record: the held-out loss after so many passes (lower is better)."""

    passes: int
    loss: float


@dataclass(frozen=True)
class Verdict:
    """A guard's decision: the candidate it keeps (None: refused), why, and every trial it made."""

    chosen: Candidate | None
    reason: str
    trials: tuple[Trial, ...] = ()

    @property
    def accepted(self) -> bool:
        """True when the slower channel will change."""
        return self.chosen is not None

    @property
    def passes(self) -> int:
        """Passes of the kept candidate; 0 when the proposal was refused."""
        return self.chosen.passes if self.chosen else 0

    def apply(self, slow: Any) -> Any:
        """The slower channel from now on: the kept value, or `slow` itself when refused."""
        return self.chosen.value if self.chosen else slow
