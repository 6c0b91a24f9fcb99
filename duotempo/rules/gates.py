"""Gates: how strongly each token writes, what it lets fade, and where a document begins."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor

FLOOR = -32.0
"""The least logarithm of a decay: e^-32 is zero to every use, and no product of logs overflows."""


@dataclass(frozen=True)
class Step:
    """The gates of one token, each shaped [batch head 1 1], as plain numbers rather than logs.

    `live` is 0 at a pad, `same` 0 at a document's start; None: there is none of these.
    """

    size: Tensor
    keep: Tensor
    momentum: Tensor
    live: Tensor | None
    same: Tensor | None

    def before(self, weight: Tensor) -> Tensor:
        """What a token finds of a weight: nothing at a document's start."""
        return weight if self.same is None else self.same * weight

    def after(self, memory: Tensor, surprise: Tensor) -> Tensor:
        """The memory when it has faded and surprise is added; a pad holds the surprise back."""
        surprise = surprise if self.live is None else self.live * surprise
        return torch.addcmul(surprise, memory, self.keep)


@dataclass(frozen=True)
class Gates:
    """What every token does to the memory (Titans, eq. 13-14).

    `step` is theta >= 0, `keep` log(1 - alpha) <= 0 (None: nothing decays), `momentum` log eta <= 0
    (None: no momentum). `pads` marks tokens that change nothing at all; at `starts` the memory is
    as new *before* the token is written. A pad must also hold the surprise back: with eta = 1 and
    alpha = theta = 0 alone, M + S would go on growing by an old S. `logit` is what the step was
    made of, for penalties: rules do not look at it.
    """

    step: Float[Tensor, "batch head *chunk time"]
    keep: Float[Tensor, "batch head *chunk time"] | None = None
    momentum: Float[Tensor, "batch head *chunk time"] | None = None
    pads: Bool[Tensor, "batch *chunk time"] | None = None
    starts: Bool[Tensor, "batch *chunk time"] | None = None
    logit: Float[Tensor, "batch head *chunk time"] | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> "Gates":
        """The same change to every gate that is there."""
        rest = (self.keep, self.momentum, self.pads, self.starts, self.logit)
        return Gates(change(self.step), *(None if gate is None else change(gate) for gate in rest))

    def cut(self, start: int, end: int) -> "Gates":
        """The gates of the tokens from `start` up to `end`."""
        return self.each(lambda gate: gate[..., start:end])

    def settled(self) -> "Gates":
        """The same gates with pads written into them, and logs not below `FLOOR`."""
        step, keep, momentum = self.step, self.keep, self.momentum
        keep = None if keep is None else keep.clamp_min(FLOOR)
        momentum = None if momentum is None else momentum.clamp_min(FLOOR)
        if self.pads is not None:
            pads = self.pads[:, None]
            step = step.masked_fill(pads, 0.0)
            keep = None if keep is None else keep.masked_fill(pads, 0.0)
            momentum = None if momentum is None else momentum.masked_fill(pads, 0.0)
        return replace(self, step=step, keep=keep, momentum=momentum)

    def at(self, time: int) -> Step:
        """One token's gates; without decay `keep` is 1, without momentum `momentum` is 0."""
        one = self.cut(time, time + 1).settled()
        size = one.step[..., None]
        ones, none = torch.ones_like(size), torch.zeros_like(size)
        return Step(
            size=size,
            keep=ones if one.keep is None else one.keep[..., None].exp(),
            momentum=none if one.momentum is None else one.momentum[..., None].exp(),
            live=None if one.pads is None else ones.masked_fill(one.pads[:, None, :, None], 0),
            same=None if one.starts is None else ones.masked_fill(one.starts[:, None, :, None], 0),
        )
