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
        about (the segment they are fitted to, or the next one), their KL, and an alarm if they do
        not: a decoder that has learned to ignore them pays their KL for nothing.

        Empty for rows without a whole segment to fit to and one to foretell.
        """
        size, own = self.thinking.segment, self.thinking.learn == "own"
        start = 0 if own else size
        read, asked = tokens[:, start : start + size], targets[:, start : start + size]
        if read.shape[1] < 2:
            return {}
        posterior = model.fit(tokens[:, :size], noise=shared(0))
        z = posterior.sample(shared(1)) if own else posterior.mean
        with_, without = (model.nats(each, read, asked).mean() for each in (z, torch.zeros_like(z)))
        gain = float(without - with_)
        kl = float(STANDARD.kl(posterior).mean()) / size
        said = f"latents do not help: {-gain:.3g} nats a token worse than z = 0"
        return {"gain": gain, "kl": kl, "alarm": None if gain > 0 else said}
