"""A reading session in the words of the core: channel, boundary, consolidator, the guard's loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int
from torch import Tensor

from duotempo.core import Candidate, Event, FixedShare, Proposal, Tell, Verdict, silent
from duotempo.models.body import Body
from duotempo.models.voices import NATS, token_losses
from duotempo.sleep.lessons import LEAST, Drawn, Lesson, Lessons
from duotempo.sleep.passes import FastState, Passes, Start

FIRST_SCORED = 8  # tokens of the window that the guard does not judge: they have no context


def no_tokens() -> Int[Tensor, " tokens"]:
    """An empty text."""
    return torch.empty(0, dtype=torch.long)


@dataclass(frozen=True)
class Awake:
    """What a reader holds while awake, as token ids.

    `window`: still in view. `pending`: has left the window, not slept on yet. `before`: stood just
    ahead of `pending`, so that its first lesson has a teacher. `replay`: a bounded sample of
    segments slept on earlier. `read` and `slept` count tokens; `verdict` is the last sleep's.
    """

    window: Int[Tensor, " window"]
    pending: Int[Tensor, " pending"]
    before: Int[Tensor, " before"]
    replay: tuple[Int[Tensor, " segment"], ...] = ()
    read: int = 0
    slept: int = 0
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Window:
    """The channel: the last `size` tokens stay in view, older ones wait for sleep.

    At most `sample` segments of `segment` tokens are kept for replay: a uniform sample of all
    that was slept on (reservoir sampling, Vitter 1985), drawn anew from `seed` and position.
    """

    size: int
    segment: int
    sample: int = 32
    seed: int = 0

    def init(self, slow: FastState | None) -> Awake:
        return Awake(no_tokens(), no_tokens(), no_tokens())

    def write(self, state: Awake, event: Event) -> Awake:
        if event.rest:
            return state
        stream = torch.cat([state.window, event.content])
        cut = max(0, len(stream) - self.size)
        return replace(
            state,
            window=stream[cut:],
            pending=torch.cat([state.pending, stream[:cut]]),
            read=state.read + len(event.content),
        )

    def after(self, state: Awake, verdict: Verdict) -> Awake:
        slept = torch.cat([state.before, state.pending])
        return replace(
            state,
            pending=no_tokens(),
            before=slept[max(0, len(slept) - (self.size - self.segment)) :],
            replay=self._resampled(state),
            slept=state.slept + len(state.pending),
            verdict=verdict,
        )

    def _resampled(self, state: Awake) -> tuple[Int[Tensor, " segment"], ...]:
        kept = list(state.replay)
        seen = state.slept // self.segment
        g = torch.Generator().manual_seed(self.seed + state.slept)
        for piece in state.pending.split(self.segment):
            if len(piece) < self.segment:
                continue
            seen += 1
            if len(kept) < self.sample:
                kept.append(piece.clone())
            elif (place := int(torch.randint(seen, (), generator=g))) < self.sample:
                kept[place] = piece.clone()
        return tuple(kept)


@dataclass(frozen=True)
class Eviction:
    """The boundary: sleep when `every` tokens have left the window, or when asked to rest."""

    every: int

    def __call__(self, state: Awake, event: Event) -> bool:
        waiting = len(state.pending)
        return waiting >= self.every or (event.rest and waiting >= LEAST)


@dataclass(frozen=True)
class HeldOutWindow:
    """The guard's evidence: the window's text, its trunk states, the untouched model's losses."""

    ids: Int[Tensor, "1 window"]
    x: Tensor
    slow: list[float]


@dataclass(frozen=True)
class MixedLoss:
    """Bits a token of the window when the untouched model and model + memory speak together."""

    body: Body
    share: FixedShare

    def evidence(self, window: Int[Tensor, " window"]) -> HeldOutWindow:
        """Prepare a window for judging many candidates."""
        ids = window[None]
        with torch.no_grad():
            x = self.body.trunk(ids)
        skip = min(FIRST_SCORED, len(window) - 1)
        return HeldOutWindow(ids, x, token_losses(self.body, x, ids, skip)[0].tolist())

    def __call__(self, value: FastState | None, evidence: HeldOutWindow) -> float:
        slow = evidence.slow
        if value is None:
            return sum(slow) / len(slow) / NATS
        skip = evidence.ids.shape[1] - len(slow)
        fast = token_losses(self.body, evidence.x, evidence.ids, skip, value)[0].tolist()
        return sum(self.share.losses(fast, slow)) / len(slow) / NATS


@dataclass(frozen=True)
class Sleeper:
    """The consolidator: lessons over what is pending, passes over the lessons, replay strewn in."""

    body: Body
    start: Start
    lessons: Lessons
    passes: Passes
    judge: MixedLoss
    tell: Tell = silent

    def __call__(self, slow: FastState | None, state: Awake) -> Proposal:
        return Proposal(self._candidates(slow, state), self.judge.evidence(state.window))

    def _candidates(self, slow: FastState | None, state: Awake) -> Iterator[Candidate]:
        new = self.lessons.make(self.body, state.pending, state.before, self.tell)
        old = self._replayed(state)
        begin = slow or self.start.init(self.body, state.pending, self.passes.seed)
        yield from self.passes.candidates(self.body, begin, self.start.rate, new, old, self.tell)

    def _replayed(self, state: Awake) -> Sequence[Lesson]:
        """Old segments; few of them are drawn in one sleep."""
        return Drawn(self.body, state.replay if self.passes.replay else ())


def no_sleep(slow: FastState | None, state: Awake) -> Proposal:
    """The consolidator of a reader that does not sleep."""
    return Proposal((), None)


@dataclass(frozen=True)
class Refuse:
    """The guard of a reader that does not sleep."""

    reason: str

    def __call__(self, slow: FastState | None, proposal: Proposal) -> Verdict:
        return Verdict(None, self.reason)
