"""Sleep in the words of the core: a window fills, passes are proposed, a guard keeps some."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from duotempo.core import Candidate, Event, Proposal, UserError, Verdict
from duotempo.models.decoder import State
from duotempo.sleep.recurrent import OpenWindow, Sleeper


@dataclass(frozen=True)
class Rested:
    """The slow side: what a stream's fast weights hold on waking. `tried` is what they would hold
    if the slice that this night's guard judges by had not been slept on (None: none was held out).
    """

    window: OpenWindow
    tried: OpenWindow | None = None


@dataclass(frozen=True)
class Slice:
    """The evidence of a night: the last tokens of its window, which ends at `end`; and `read`, what
    reading the rest of it once leaves, without a sleep: what candidates are held against."""

    tokens: Int[Tensor, "1 time"]
    end: int
    read: OpenWindow


@dataclass(frozen=True)
class Window:
    """The channel: tokens fill the open window; on waking it is empty again."""

    model: Sleeper

    def init(self, slow: Rested | None) -> OpenWindow:
        return self.model.init(1) if slow is None else slow.window

    @torch.no_grad()
    def write(self, state: OpenWindow, event: Event) -> OpenWindow:
        """Read an event's tokens, [1, time], which must fit into the open window."""
        if event.rest:
            return state
        assert state.time + event.content.shape[1] <= self.model.policy.window
        return self.model.awake(event.content, state)[1]

    def after(self, state: OpenWindow, verdict: Verdict) -> OpenWindow:
        """What the guard kept; after a refusal what the reading alone left, as without sleep."""
        return self.model.woken(state) if verdict.chosen is None else verdict.chosen.value.window


def woke(model: Sleeper, window: OpenWindow) -> Rested:
    """The slow side as it was when a window began."""
    return Rested(model.opened(State(window.position - window.time, window.before)))


@dataclass(frozen=True)
class Full:
    """The boundary: the window is full, or a rest is asked for and it holds anything."""

    window: int

    def __call__(self, state: OpenWindow, event: Event) -> bool:
        return state.time == self.window or (event.rest and state.time > 0)


@dataclass(frozen=True)
class Night:
    """The consolidator: candidates after 2, 3, ... `most` passes over the window, made as asked
    for; the first pass is the reading, which is done. With `held_out` the guard sees each as if the
    last tokens of the window were still to come, which is its evidence: a share of the window, 0
    for none. Raises `UserError` for a share with nothing in it to foretell."""

    model: Sleeper
    most: int
    held_out: float = 0.0

    def __post_init__(self) -> None:
        window = self.model.policy.window
        slice_ = round(self.held_out * window)
        if self.held_out and not 2 <= slice_ < window:
            raise UserError(
                f"{slice_} of a window of {window} tokens cannot be held out to choose passes by: "
                "take a longer window, or a fixed number of passes"
            )

    @torch.no_grad()
    def __call__(self, slow: Rested | None, state: OpenWindow) -> Proposal:
        keep, part = state.time - round(self.held_out * state.time), state
        if keep < state.time:
            _, part = self.model.awake(state.tokens[:, :keep], woke(self.model, state).window)
        read = self.model.woken(part)
        evidence = Slice(state.tokens[:, keep:], int(state.position[0]), read)
        return Proposal(self._candidates(state, part), evidence)

    @torch.no_grad()
    def _candidates(self, window: OpenWindow, part: OpenWindow) -> Iterator[Candidate]:
        held_out = part is not window
        for passes in range(2, self.most + 1):
            window = self.model.pass_over(window)
            part = self.model.pass_over(part) if held_out else window
            tried = self.model.woken(part) if held_out else None
            yield Candidate(passes, Rested(self.model.woken(window), tried))


@dataclass(frozen=True)
class Fixed:
    """The consolidator of those who want so many passes and no others: one candidate."""

    model: Sleeper

    def __call__(self, slow: Rested | None, state: OpenWindow) -> Proposal:
        with torch.no_grad():
            candidate = Candidate(self.model.policy.passes, Rested(self.model.slept(state)))
        return Proposal((candidate,), None)


@dataclass(frozen=True)
class SliceLoss:
    """Nats a token of the held-out slice, read by a model that has slept on what came before it:
    a candidate of this night as tried; without one, what reading alone left."""

    model: Sleeper

    @torch.no_grad()
    def __call__(self, value: Rested | None, evidence: Slice) -> float:
        window, tokens = evidence.read, evidence.tokens
        if value is not None and int(value.window.position[0]) == evidence.end:
            assert value.tried is not None, "a night with a held-out slice tries its candidates"
            window = value.tried
        logits, _ = self.model.awake(tokens, window)
        lost = F.cross_entropy(
            self.model.head(self.model.norm(logits))[0, :-1].float(), tokens[0, 1:]
        )
        return float(lost)


@dataclass(frozen=True)
class All:
    """The guard that asks for no evidence: takes the last candidate."""

    def __call__(self, slow: Rested | None, proposal: Proposal) -> Verdict:
        last = None
        for candidate in proposal.candidates:
            last = candidate
        assert last is not None, "a night offers at least one candidate"
        return Verdict(last, f"made the {last.passes} passes that were asked for")
