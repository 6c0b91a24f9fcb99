"""A model with latents as a training takes it, and the alarm that watches them while it learns."""

from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Int
from torch import Tensor

from duotempo.models.blocks import LatentBlock
from duotempo.models.config import Config
from duotempo.models.latent import LatentDecoder
from duotempo.models.posterior import STANDARD, shared
from duotempo.models.thinking import Thinking

WATCHED = 8
"""Segments of a row that the alarm reads."""


@dataclass(frozen=True)
class LatentConfig:
    """A model with latents: a decoder's config and a policy. This is what a run takes.

    Keys and queries of the latents begin `sharp` times as large as other weights, so that each
    token asks few of many slots; values and their way out each begin `loud` times as large, so
    that a fit is heard from the first step on and the decoder has reason to learn it.
    """

    config: Config
    thinking: Thinking
    sharp: float = 1.0
    loud: float = 1.0

    @torch.no_grad()
    def build(self) -> LatentDecoder:
        """The model, with weights to be trained."""
        model = LatentDecoder(self.config, self.thinking)
        for layer in model.layers:
            latent = cast(LatentBlock, model.blocks[layer]).latent
            for part, times in (
                (latent.query, self.sharp),
                (latent.key, self.sharp),
                (latent.value, self.loud),
                (latent.out, self.loud),
            ):
                part.weight.mul_(times)
        return model

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**self.config.to_dict(), "thinking": self.thinking.to_dict()}

    @torch.no_grad()
    def watch(
        self,
        model: LatentDecoder,
        tokens: Int[Tensor, "batch time"],
        targets: Int[Tensor, "batch time"],
    ) -> dict[str, Any]:
        """Nats a token by which fitted latents foretell better than z = 0 what the training is
        about (the segment they are fitted to, or the next one), their KL, and an alarm if that is
        not worth it: where segments are foretold with latents fitted to themselves they must gain
        more than their KL, or the bound was better without them; else they must gain anything.

        Of the first `WATCHED` segments of the rows. Empty for rows without a segment to fit to and
        another to foretell.
        """
        size, own = self.thinking.segment, self.thinking.learn == "own"
        later = 0 if own else size
        each = min(size, tokens.shape[1] - later)
        if each < 2:
            return {}
        count = min(WATCHED, (tokens.shape[1] - later) // each)
        seen = tokens[:, : count * size].reshape(-1, each if own else size)
        read, asked = (
            part[:, later : later + count * each].reshape(-1, each) for part in (tokens, targets)
        )
        posterior = model.fit(seen, noise=shared(0))
        z = posterior.sample(shared(1)) if own else posterior.mean
        with_, without = (model.nats(one, read, asked).mean() for one in (z, torch.zeros_like(z)))
        gain = float(without - with_)
        kl = float(STANDARD.kl(posterior).mean()) / size
        return {"gain": gain, "kl": kl, "alarm": alarm(gain, kl if own else None)}


def alarm(gain: float, kl: float | None) -> str | None:
    """What is wrong with latents that gain so many nats a token; `kl`: what they must earn."""
    if gain <= 0:
        return f"latents do not help: {-gain:.3g} nats a token worse than z = 0"
    if kl is not None and gain <= kl:
        return f"latents do not pay: they gain {gain:.3g} nats a token and their KL is {kl:.3g}"
    return None
