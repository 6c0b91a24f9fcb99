"""A toy with a known answer that tells bounds from scores that are none: bits hidden in noise."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from duotempo.models.bounds import same_noise
from duotempo.models.inference import Slope
from duotempo.models.posterior import STANDARD, Latent, Noise, PerRow, Posterior, Prior, fresh

TRUTH = math.log(2)
"""Nats that a fair bit costs, whatever anyone does."""


@dataclass(frozen=True)
class Parity:
    """One fair bit a latent dimension. The decoder says the parity of the cell of width `cell` that
    z falls in, and is right with probability `sure`; under N(0, 1) both parities are as likely, so
    every bit costs ln 2. As a rule it moves each mean to the nearest cell of the right parity *for
    the noise it is shown*, which is what gradient steps with kept noise tend to.
    """

    bits: Int[Tensor, "batch latents width"]
    cell: float
    sure: float = 0.999

    def loss(self, z: Latent) -> PerRow:
        """The nats of each row's bits given z."""
        said = torch.remainder(torch.floor(z / self.cell), 2).long()
        right, wrong = -math.log(self.sure), -math.log(1 - self.sure)
        return torch.where(said == self.bits, right, wrong).flatten(1).sum(1)

    def fit(
        self, start: Posterior, prior: Prior, slope: Slope, steps: int, noise: Noise
    ) -> Posterior:
        """Means by which the noise shown falls into cells of the right parity; variances of 1."""
        eps = noise(start.mean)
        number = torch.floor(eps / self.cell)
        wrong = torch.remainder(number, 2).long() != self.bits
        above = eps / self.cell - number > 0.5
        near = torch.where(above, number + 1.05, number - 0.05) * self.cell
        return Posterior(torch.where(wrong, near, eps) - eps, torch.zeros_like(eps))


@dataclass(frozen=True)
class Audit:
    """Nats a bit by two ways of scoring the same fit; the truth is ln 2."""

    cell: float
    kept: float
    honest: float


def audit(cell: float, rows: int = 2000, width: int = 64, seed: int = 0) -> Audit:
    """Score the toy with the noise it was fitted to, and with fresh noise."""
    noise = fresh(seed)
    bits: Int[Tensor, "rows one width"] = (noise(torch.zeros(rows, 1, width)) > 0).long()
    toy = Parity(bits, cell)
    start = STANDARD.posterior(torch.zeros(rows, 1, width))
    kept = same_noise(toy.loss, torch.zeros_like, toy, start, 1, noise)
    fitted = toy.fit(start, STANDARD, torch.zeros_like, 1, noise)
    honest: Float[Tensor, " rows"] = toy.loss(fitted.sample(noise)) + STANDARD.kl(fitted)
    return Audit(cell, float(kept.mean()) / width, float(honest.mean()) / width)
