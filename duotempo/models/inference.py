"""How a posterior is fitted: natural gradient, Adam with the paper's constants, Langevin."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from duotempo.models.posterior import Latent, Noise, Posterior, Prior

Slope = Callable[[Latent], Latent]
"""The gradient of a sequence's nats with respect to z, at z: all that a rule sees of a decoder."""


@runtime_checkable
class Rule(Protocol):
    """One way to fit a posterior. Sequences do not interact; `steps` calls of `slope`."""

    def fit(
        self, start: Posterior, prior: Prior, slope: Slope, steps: int, noise: Noise
    ) -> Posterior:
        """The posterior after `steps` steps from `start`."""
        ...


@dataclass(frozen=True)
class NaturalGradient:
    """precision <- (1-r) precision + r (1/v + g^2);  mean <- mean - r (g + (mean - m)/v)/precision.

    g is the slope at a fresh draw, N(m, v) the prior. Begun at the prior it costs no KL at any
    number of steps. Source: variational online Newton, arXiv 1806.04854, with squared gradients.
    """

    rate: float = 0.5

    def fit(
        self, start: Posterior, prior: Prior, slope: Slope, steps: int, noise: Noise
    ) -> Posterior:
        """As the class says."""
        mean, precision = start.mean, (-start.log_var).exp()
        before = prior.posterior(mean)
        for _ in range(steps):
            g = slope(mean + precision.rsqrt() * noise(mean))
            pull = (-before.log_var).exp()
            precision = (1 - self.rate) * precision + self.rate * (pull + g * g)
            mean = mean - self.rate * (g + (mean - before.mean) * pull) / precision
        return Posterior(mean, -precision.log())


@dataclass(frozen=True)
class Adam:
    """Adam on mean and log-variance of the negative bound, with fresh noise at every step.

    The rate goes from `rate` to `last` along a line (paper: 0.3 to 0.34) or a cosine (released
    code: 0.34 to 0.034, with AdamW's `decay` of 0.01). Betas 0.9 and 0.999. Source: arXiv
    2502.01567.
    """

    rate: float = 0.3
    last: float = 0.34
    cosine: bool = False
    decay: float = 0.0

    def fit(
        self, start: Posterior, prior: Prior, slope: Slope, steps: int, noise: Noise
    ) -> Posterior:
        """As the class says."""
        values = torch.stack((start.mean, start.log_var))
        first, second = torch.zeros_like(values), torch.zeros_like(values)
        before = prior.posterior(start.mean)
        for step in range(1, steps + 1):
            q = Posterior(*values)
            eps = noise(q.mean)
            g, pull = slope(q.mean + q.deviation * eps), (-before.log_var).exp()
            down = g + (q.mean - before.mean) * pull
            width = 0.5 * (g * eps * q.deviation + q.log_var.exp() * pull - 1)
            change = torch.stack((down, width))
            first = 0.9 * first + 0.1 * change
            second = 0.999 * second + 0.001 * change**2
            root = (second / (1 - 0.999**step)).sqrt() + 1e-8
            rate = self.at(step - 1, steps)
            values = values * (1 - rate * self.decay) - rate * first / (1 - 0.9**step) / root
        return Posterior(*values)

    def at(self, step: int, steps: int) -> float:
        """The rate of a step, from 0."""
        gone = step / steps if self.cosine else step / max(1, steps - 1)
        gone = (1 - math.cos(math.pi * gone)) / 2 if self.cosine else gone
        return self.rate + (self.last - self.rate) * gone


@dataclass(frozen=True)
class Langevin:
    """z <- z - s grad(nats - log prior) + sqrt(2 s) noise; the posterior is the Gaussian with the
    moments of the second half of the chain, and no narrower than `least` in log-variance.

    Source: short-run inference, arXiv 2106.02513.
    """

    step: float = 1e-2
    least: float = -10.0

    def fit(
        self, start: Posterior, prior: Prior, slope: Slope, steps: int, noise: Noise
    ) -> Posterior:
        """As the class says."""
        z, before = start.sample(noise), prior.posterior(start.mean)
        kept: list[Tensor] = []
        for step in range(steps):
            pull = (z - before.mean) * (-before.log_var).exp()
            z = z - self.step * (slope(z) + pull) + (2 * self.step) ** 0.5 * noise(z)
            kept += [z] if 2 * step >= steps - 1 else []
        if len(kept) < 2:
            return start if not kept else Posterior(z, start.log_var)
        variance, mean = torch.var_mean(torch.stack(kept), 0, correction=1)
        return Posterior(mean, variance.log().clamp_min(self.least))


@dataclass(frozen=True)
class Amortised:
    """A natural gradient whose curvature was learned instead of measured: `curvature` c, one number
    a block and dimension, and no noise (g at the mean).

    precision <- (1-r) precision + r (1/v + c);  mean <- mean - r (g + (mean - m)/v) / precision.
    With a linear decoder, c its curvature and r = 1 one step is Kalman's update. Every number in
    it is differentiable, so that a decoder can learn how it wants to be written.
    """

    curvature: Float[Tensor, "latents width"]
    rate: float = 1.0

    def fit(
        self, start: Posterior, prior: Prior, slope: Slope, steps: int, noise: Noise
    ) -> Posterior:
        """As the class says; `noise` is not used."""
        mean, precision = start.mean, (-start.log_var).exp()
        before = prior.posterior(mean)
        pull = (-before.log_var).exp()
        for _ in range(steps):
            g = slope(mean)
            precision = (1 - self.rate) * precision + self.rate * (pull + self.curvature)
            mean = mean - self.rate * (g + (mean - before.mean) * pull) / precision
        return Posterior(mean, -precision.log())


@contextmanager
def frozen(model: nn.Module) -> Iterator[None]:
    """Within: no gradient is kept for the weights, which is a third of a fit's cost."""
    asked = [p for p in model.parameters() if p.requires_grad]
    for p in asked:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in asked:
            p.requires_grad_(True)
