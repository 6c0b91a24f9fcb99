"""The four parts that the loop is made of: Channel, Boundary, Consolidator, Guard."""

from collections.abc import Callable
from typing import Any, Protocol, runtime_checkable

from duotempo.core.records import Event, Proposal, Verdict

Tell = Callable[[str, float, float], None]
"""Progress: what is being done (behind a ` | `: what may change meanwhile), how much of it is
done, how much there is (0: not known)."""


def silent(what: str, done: int | float, total: int | float) -> None:
    """The `Tell` that says nothing."""


@runtime_checkable
class Channel(Protocol):
    """What may change while awake. A state is a frozen value: passed in, returned, never kept."""

    def init(self, slow: Any, /) -> Any:
        """The state at the start of a life."""
        ...

    def write(self, state: Any, event: Event, /) -> Any:
        """The state after one event."""
        ...

    def after(self, state: Any, verdict: Verdict, /) -> Any:
        """The state on waking: what was consolidated is let go."""
        ...


@runtime_checkable
class Boundary(Protocol):
    """Decides when wakefulness ends."""

    def __call__(self, state: Any, event: Event, /) -> bool: ...


@runtime_checkable
class Consolidator(Protocol):
    """Turns fast content into a proposal for the slower channel; touches nothing itself."""

    def __call__(self, slow: Any, state: Any, /) -> Proposal: ...


@runtime_checkable
class Guard(Protocol):
    """Accepts, refuses or shrinks a proposal, on evidence."""

    def __call__(self, slow: Any, proposal: Proposal, /) -> Verdict: ...
