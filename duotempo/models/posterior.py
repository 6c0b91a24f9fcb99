"""A posterior over latent vectors, one Gaussian a sequence, and the prior it is held to."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._pytree import register_dataclass

from duotempo.core import UserError

Latent = Float[Tensor, "batch latents width"]
Noise = Callable[[Tensor], Tensor]
"""Standard normal numbers of the size of a tensor."""

PerRow = Float[Tensor, " batch"]


@dataclass(frozen=True)
class Posterior:
    """q(z) = N(mean, exp(log_var)), independent in every dimension, a row for each sequence.

    A value: fitting, sampling and mixing give new ones.
    """

    mean: Latent
    log_var: Latent

    @property
    def deviation(self) -> Latent:
        """The standard deviation."""
        return (0.5 * self.log_var).exp()

    @property
    def batch(self) -> int:
        """How many sequences."""
        return self.mean.shape[0]

    @property
    def latents(self) -> int:
        """Vectors a sequence, over all blocks."""
        return self.mean.shape[1]

    def sample(self, noise: Noise) -> Latent:
        """One draw a sequence."""
        return self.mean + self.deviation * noise(self.mean)

    def log_prob(self, z: Latent) -> PerRow:
        """log q(z), in nats."""
        return normal_log_prob(z, self.mean, self.log_var)

    def row(self, *numbers: int) -> "Posterior":
        """Those of some sequences; a number may come more than once (a fork)."""
        return Posterior(self.mean[list(numbers)], self.log_var[list(numbers)])

    def rolled(self) -> "Posterior":
        """Each sequence with the posterior of its neighbour: a control."""
        return Posterior(self.mean.roll(1, 0), self.log_var.roll(1, 0))

    def detached(self) -> "Posterior":
        """Without its history."""
        return Posterior(self.mean.detach(), self.log_var.detach())

    def interpolated(self, other: "Posterior", share: float) -> "Posterior":
        """The one on the straight line, `share` of the way to `other` (Wasserstein geodesic: means
        and deviations mix). Raises `UserError` for posteriors of other sizes."""
        if self.mean.shape != other.mean.shape:
            raise UserError(
                f"posteriors of {tuple(self.mean.shape)} and {tuple(other.mean.shape)}: mix those "
                "of one model and equally many sequences"
            )
        deviation = torch.lerp(self.deviation, other.deviation, share)
        return Posterior(torch.lerp(self.mean, other.mean, share), 2 * deviation.log())


register_dataclass(Posterior)


@runtime_checkable
class Prior(Protocol):
    """What latent vectors are before anything was read. A learned one needs the same three."""

    def posterior(self, like: Latent) -> Posterior:
        """The prior itself as a Gaussian, of the size of `like`."""
        ...

    def kl(self, q: Posterior) -> PerRow:
        """KL(q || prior) of each sequence, in nats."""
        ...

    def log_prob(self, z: Latent) -> PerRow:
        """log p(z), in nats."""
        ...


@dataclass(frozen=True)
class Normal:
    """A Gaussian prior: N(0, 1) as in the paper, or what an earlier posterior has decayed to."""

    mean: Latent | float = 0.0
    variance: Latent | float = 1.0

    def posterior(self, like: Latent) -> Posterior:
        """The prior as a posterior that has learned nothing."""
        mean, variance = self._as(like)
        return Posterior(mean, variance.log())

    def kl(self, q: Posterior) -> PerRow:
        """1/2 sum((mu - m)^2/v + s^2/v - 1 - log(s^2/v)), per sequence."""
        mean, variance = self._as(q.mean)
        ratio = q.log_var - variance.log()
        terms = (q.mean - mean) ** 2 / variance + ratio.exp() - 1 - ratio
        return 0.5 * terms.flatten(1).sum(1)

    def log_prob(self, z: Latent) -> PerRow:
        """Summed over all dimensions of a sequence."""
        mean, variance = self._as(z)
        return normal_log_prob(z, mean, variance.log())

    def _as(self, like: Latent) -> tuple[Latent, Latent]:
        mean, variance = (torch.as_tensor(x).to(like) for x in (self.mean, self.variance))
        return mean.expand_as(like), variance.expand_as(like)


STANDARD = Normal()
"""N(0, I)."""


def decayed(q: Posterior, share: float) -> Normal:
    """The prior of the next segment: z' = share z + sqrt(1 - share^2) noise (an AR(1) step, which
    leaves N(0, 1) as it is). 1 carries all, 0 forgets all."""
    return Normal(share * q.mean, share**2 * q.log_var.exp() + (1 - share**2))


def normal_log_prob(z: Tensor, mean: Tensor, log_var: Tensor) -> PerRow:
    """log N(z; mean, exp(log_var)) of each row, in nats."""
    terms = (z - mean) ** 2 * (-log_var).exp() + log_var + math.log(2 * math.pi)
    return -0.5 * terms.flatten(1).sum(1)


def fresh(seed: int | None = None) -> Noise:
    """New standard normal numbers at every call; None: torch's own stream of them."""
    if seed is None:
        return torch.randn_like
    generator = torch.Generator().manual_seed(seed)

    def draw(like: Tensor) -> Tensor:
        new = torch.randn(like.shape, generator=generator, dtype=like.dtype)
        return new.to(like.device)

    return draw


def shared(seed: int) -> Noise:
    """As `fresh`, the same numbers for every row: a row's fit does not depend on its company."""
    draw = fresh(seed)
    return lambda like: draw(like[:1]).expand_as(like)
