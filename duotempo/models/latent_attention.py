"""Attention to latent vectors: tokens ask, vectors that were fitted to the sequence answer."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._pytree import register_dataclass

from duotempo.models.layers import heads, merged

Vectors = Float[Tensor, "batch slots width"]


@dataclass(frozen=True)
class Thoughts:
    """A block's latent vectors as its tokens see them: keys and values, made once a fit. Their size
    does not depend on the length of the text."""

    keys: Float[Tensor, "batch head slots size"]
    values: Float[Tensor, "batch head slots size"]


register_dataclass(Thoughts)


class LatentAttention(nn.Module):
    """softmax(q K^T) V without a mask, K = W_k (z + p), V = W_v z (LTM, arXiv 2502.01567).

    p is a fixed address of each slot, so that the weights are as many whatever the number of
    slots, and slots that hold the same are told apart. At the prior's mean, z = 0, nothing is
    added to the stream. The paper turns keys and queries by their places instead; a stream that
    goes on for ever has no place for a slot.
    """

    def __init__(self, width: int, count: int, slots: int) -> None:
        super().__init__()
        self.count, self.slots = count, slots
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.bend = nn.Parameter(torch.full((width,), 0.2))

    @property
    def curvature(self) -> Float[Tensor, " width"]:
        """What a segment adds to the precision of each dimension, as the rule `amortised` learns
        it; its logarithm is ten times the weight, so that it moves with the rate of the others."""
        return (10 * self.bend).exp()

    def init(self, batch: int, like: Tensor) -> Thoughts:
        """What tokens see at the prior's mean."""
        return self.shown(like.new_zeros(batch, self.slots, self.out.out_features))

    def shown(self, z: Vectors) -> Thoughts:
        """Vectors as tokens see them."""
        keys, values = self.key(z + addresses(z)), self.value(z)
        return Thoughts(heads(keys, self.count), heads(values, self.count))

    def forward(
        self, x: Float[Tensor, "batch time width"], thoughts: Thoughts
    ) -> Float[Tensor, "batch time width"]:
        """What the vectors answer to each token."""
        q = heads(self.query(x), self.count)
        scores = q @ thoughts.keys.mT * q.shape[-1] ** -0.5
        return self.out(merged(scores.softmax(-1).to(q.dtype) @ thoughts.values))


def addresses(z: Vectors) -> Float[Tensor, "slots width"]:
    """Sines and cosines of each slot's number, as transformers once wrote places."""
    number = torch.arange(z.shape[1], dtype=z.dtype, device=z.device)
    pace = torch.logspace(0, -2, z.shape[2] // 2, dtype=z.dtype, device=z.device)
    turns = number[:, None] * pace * (math.pi / 2)
    return torch.cat((turns.sin(), turns.cos()), 1)
