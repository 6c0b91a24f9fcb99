"""The loop of all systems on a toy: a forecast sleeps on days gone by, a guard refuses bad nights.

Run: python examples/guard.py
"""

from dataclasses import dataclass, replace

from duotempo.core import Candidate, Event, HeldOut, Proposal, Verdict, live

DAYS = [20, 21, 19, 20, 35, 36, 34, 35, 20, 21, 19, 20, 22, 21, 22, 23, 22, 22, 21]


@dataclass(frozen=True)
class Days:
    """The fast channel's state: days still in view, days that left it, the last verdict."""

    window: tuple[float, ...] = ()
    evicted: tuple[float, ...] = ()
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Window:
    """The fast channel: the last `size` days stay in view, older ones wait for sleep."""

    size: int = 3

    def init(self, slow: float) -> Days:
        return Days()

    def write(self, state: Days, event: Event) -> Days:
        days = (*state.window, event.content)
        return Days(days[-self.size :], state.evicted + days[: -self.size])

    def after(self, state: Days, verdict: Verdict) -> Days:
        return replace(state, evicted=(), verdict=verdict)


def four_days(state: Days, event: Event) -> bool:
    """The boundary: sleep when four days have left the window."""
    return len(state.evicted) == 4


def sleep(forecast: float, state: Days) -> Proposal:
    """Each pass moves the forecast half the way to the mean of the days that left."""
    goal = sum(state.evicted) / len(state.evicted)
    steps = (Candidate(n, goal + (forecast - goal) / 2**n) for n in range(1, 6))
    return Proposal(steps, state.window)


def error(forecast: float, window: tuple[float, ...]) -> float:
    """How far the forecast is from days that were not slept on."""
    return sum(abs(forecast - day) for day in window) / len(window)


parts = {"channel": Window(), "boundary": four_days, "sleep": sleep, "guard": HeldOut(error)}
for event, state, forecast in live((Event(day) for day in DAYS), 10.0, **parts):
    if state.verdict and not state.evicted:
        print(f"forecast {forecast:.1f} after day {event.content}: {state.verdict.reason}")
