"""What latents are worth: every estimate of a text's likelihood side by side, and alarms."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from duotempo.core import UserError
from duotempo.models.inference import Amortised, Rule, Slope
from duotempo.models.latent import LatentDecoder
from duotempo.models.posterior import (
    STANDARD,
    Latent,
    Noise,
    PerRow,
    Posterior,
    Prior,
    fresh,
    shared,
)

Loss = Callable[[Latent], PerRow]
"""The nats of each sequence given z."""

SAMPLES = (8, 64)
"""Draws of the importance-weighted bounds."""
RECONSTRUCTIONS = 4
"""Draws of the reconstruction's mean."""
ACTIVE = 0.01
"""Variance of a posterior mean over sequences from which on its unit counts as active."""


@dataclass(frozen=True)
class Estimates:
    """Nats of each sequence by every estimate. Those under `bounds` are bounds from above on what
    the model gives the text, each expected to be no less than the truth; the others are not.

    `latent_kl` is the KL of each latent vector, mean over sequences; `active` the share of latent
    dimensions whose mean varies over sequences (None for a single one).
    """

    tokens: int
    reconstruction: PerRow
    kl: PerRow
    weighted: dict[int, PerRow]
    at_zero: PerRow
    at_prior: PerRow
    same_noise: PerRow
    latent_kl: Float[Tensor, " latents"]
    active: float | None

    @property
    def negative_elbo(self) -> PerRow:
        """Reconstruction and KL: the bound, with noise that the fit has not seen."""
        return self.reconstruction + self.kl

    @property
    def gain(self) -> float:
        """Nats a token by which the fitted latents foretell better than z = 0."""
        return float((self.at_zero - self.reconstruction).mean()) / self.tokens

    @property
    def alarm(self) -> str | None:
        """What is wrong if the posterior has collapsed, None if not. KL alone is no sign of use:
        an optimiser wastes some on latents that say nothing."""
        if self.gain > 0:
            return None
        return (
            f"the latents have collapsed: with them the text costs {-self.gain:.3g} nats a token "
            "more than with z = 0; train longer, or learn='next'"
        )

    def facts(self) -> dict[str, float | str | None]:
        """Nats a token, by name, and the alarm."""
        said = {
            "bound": self.negative_elbo,
            "reconstruction": self.reconstruction,
            "kl": self.kl,
            **{f"weighted.{n}": nats for n, nats in self.weighted.items()},
            "at_zero": self.at_zero,
            "at_prior": self.at_prior,
            "same_noise": self.same_noise,
        }
        means = {name: float(nats.mean()) / self.tokens for name, nats in said.items()}
        return {**means, "active": self.active, "alarm": self.alarm}


@torch.no_grad()
def estimates(
    loss: Loss,
    posterior: Posterior,
    kept: PerRow,
    tokens: int,
    noise: Noise,
    prior: Prior = STANDARD,
) -> Estimates:
    """Every estimate at a fitted posterior. `noise` must be fresh: not what the posterior was
    fitted with. `kept` is the same-noise score, which needs a fit of its own."""
    draws = [loss(posterior.sample(noise)) for _ in range(RECONSTRUCTIONS)]
    zero = torch.zeros_like(posterior.mean)
    varied = posterior.mean.var(0) > ACTIVE if posterior.batch > 1 else None
    return Estimates(
        tokens=tokens,
        reconstruction=torch.stack(draws).mean(0),
        kl=prior.kl(posterior),
        weighted=importance_weighted(loss, posterior, noise, SAMPLES, prior),
        at_zero=loss(zero),
        at_prior=loss(prior.posterior(zero).sample(noise)),
        same_noise=kept,
        latent_kl=latent_kl(posterior, prior),
        active=None if varied is None else float(varied.float().mean()),
    )


@torch.no_grad()
def importance_weighted(
    loss: Loss,
    posterior: Posterior,
    noise: Noise,
    samples: tuple[int, ...],
    prior: Prior = STANDARD,
) -> dict[int, PerRow]:
    """-log mean_k p(x | z_k) p(z_k) / q(z_k): tighter with more draws, the truth in the limit.

    The same draws serve all counts. Source: Burda et al., arXiv 1509.00519, eq. 8.
    """
    weights = []
    for _ in range(max(samples)):
        z = posterior.sample(noise)
        weights.append(prior.log_prob(z) - posterior.log_prob(z) - loss(z))
    whole = torch.stack(weights)
    return {n: math.log(n) - whole[:n].logsumexp(0) for n in samples}


def same_noise(
    loss: Loss, slope: Slope, rule: Rule, start: Posterior, steps: int, noise: Noise
) -> PerRow:
    """NOT A BOUND. One draw for all steps of the fit and for the score, as in released code: the
    posterior is fitted to the very noise it is scored with, and may hide the text in it."""
    eps = noise(start.mean)

    def again(like: Tensor) -> Tensor:
        return eps

    posterior = rule.fit(start, STANDARD, slope, steps, again)
    with torch.no_grad():
        return loss(posterior.mean + posterior.deviation * eps) + STANDARD.kl(posterior)


def latent_kl(posterior: Posterior, prior: Prior = STANDARD) -> Float[Tensor, " latents"]:
    """KL of each latent vector in nats, mean over sequences, where the prior is a Gaussian."""
    before = prior.posterior(posterior.mean)
    ratio = posterior.log_var - before.log_var
    away = (posterior.mean - before.mean) ** 2 * (-before.log_var).exp()
    return 0.5 * (away + ratio.exp() - 1 - ratio).sum(2).mean(0)


def judge(
    model: LatentDecoder,
    tokens: Int[Tensor, "batch time"],
    targets: Int[Tensor, "batch time"],
    *,
    steps: int | None = None,
    seed: int = 0,
) -> Estimates:
    """Every estimate of how well a model foretells sequences, each with its own latents, fitted to
    the very text that is scored.

    Raises `UserError` for a preset whose KL floor is above 0.1 nats a token.
    """
    preset = model.thinking.preset
    steps = preset.steps if steps is None else steps
    check_floor(model, tokens.shape[1], steps)
    whole = torch.cat((tokens, targets[:, -1:]), 1)
    noise = fresh(seed)
    posterior = model.fit(whole, steps=steps, noise=noise)

    def loss(z: Latent) -> PerRow:
        return model.nats(z, tokens, targets).sum(1)

    start = preset.start(posterior.mean, noise)
    slope = model.slope(whole)
    kept = same_noise(loss, slope, model.rule(), start, steps, noise).detach()
    return estimates(loss, posterior, kept, tokens.shape[1], noise)


def check_floor(model: LatentDecoder, tokens: int, steps: int) -> str | None:
    """What the preset's KL floor asks to be warned of; raises `UserError` for more than that."""
    dimensions = model.latents * model.config.width
    rule = model.rule()
    learned = rule if isinstance(rule, Amortised) else None
    return model.thinking.preset.at(steps).check(dimensions, tokens, learned)


@torch.no_grad()
def prefix_only(
    model: LatentDecoder,
    tokens: Int[Tensor, "batch time"],
    prefix: int,
    *,
    steps: int | None = None,
    seed: int = 0,
) -> Float[Tensor, "batch rest"]:
    """Nats of the tokens after a prefix, with latents fitted to the prefix alone, at their mean: an
    exact likelihood of what follows, fair beside any autoregressive model's.

    Raises `UserError` for a prefix that leaves nothing to foretell or is too short to fit to.
    """
    if not 2 <= prefix < tokens.shape[1]:
        raise UserError(
            f"prefix={prefix}: of {tokens.shape[1]} tokens at least 2 must be read and 1 left"
        )
    posterior = model.fit(tokens[:, :prefix], steps=steps, noise=shared(seed))
    return model.nats(posterior.mean, tokens[:, :-1], tokens[:, 1:])[:, prefix - 1 :]
