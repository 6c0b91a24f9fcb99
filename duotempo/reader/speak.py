"""Decoding with two voices in one batch: untouched model and model + memory, always mixed."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from duotempo.core import FixedShare, UserError
from duotempo.models.body import Body, Memory, Past
from duotempo.models.voices import CHUNK, mix_logits


@dataclass(frozen=True)
class Sampling:
    """How a token is picked: temperature 0 takes the likeliest one, else draws from `seed`.

    Raises `UserError` for a temperature below 0.
    """

    temperature: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.temperature < math.inf:
            raise UserError(f"temperature={self.temperature}: must be 0 (the likeliest) or more")


DEFAULT, GREEDY = FixedShare(), Sampling()


def pick(logp: Float[Tensor, " vocab"], sampling: Sampling, generator: torch.Generator) -> int:
    """One token id from log-probabilities."""
    if not sampling.temperature:
        return int(logp.argmax())
    p = ((logp - logp.max()).double() / sampling.temperature).softmax(-1).cpu()
    return int(torch.multinomial(p, 1, generator=generator))


@torch.no_grad()
def speak(
    body: Body,
    context: Int[Tensor, " context"],
    memory: Memory | None,
    share: FixedShare = DEFAULT,
    sampling: Sampling = GREEDY,
) -> Iterator[int]:
    """Go on after `context` token by token, without end; the mixture's weight is earned on it.

    Both voices share the trunk; above it they are two rows of one batch with one cache. Without a
    memory there is one row, and the tokens are the untouched model's own.
    """
    past, rows = Past(), 2 if memory else 1
    generator = torch.Generator().manual_seed(sampling.seed)
    ids, weight, before = context[None], share.start, None
    while True:
        x = body.trunk(ids, past)
        y = body.upper(x.expand(rows, *x.shape[1:]), memory, past, rows - 1)
        last = body.logits(y[:, -1:])[:, -1]
        if memory:
            weight = _earned(body, y, ids[0], before, weight, share)
            before = last
        logp = mix_logits(last, weight) if memory else last[0].log_softmax(-1)
        token = pick(logp, sampling, generator)
        yield token
        ids = torch.tensor([[token]])


def _earned(
    body: Body,
    y: Float[Tensor, "2 time width"],
    ids: Int[Tensor, " time"],
    before: Float[Tensor, "2 vocab"] | None,
    weight: float,
    share: FixedShare,
) -> float:
    """The fast voice's weight after `ids`; `before` foretold the first of them."""
    if before is not None:
        weight = _heard(before[:, None], ids[:1], weight, share)
    for a in range(0, len(ids) - 1, CHUNK):
        b = min(a + CHUNK, len(ids) - 1)
        weight = _heard(body.logits(y[:, a:b]), ids[a + 1 : b + 1], weight, share)
    return weight


def _heard(
    foretold: Float[Tensor, "2 came vocab"],
    came: Int[Tensor, " came"],
    weight: float,
    share: FixedShare,
) -> float:
    """The weight after a few tokens that both voices foretold."""
    at = came.to(foretold.device)[None, :, None].expand(2, -1, 1)
    loss = (foretold.logsumexp(-1, keepdim=True) - foretold.gather(-1, at))[..., 0].tolist()
    for slow, fast in zip(*loss, strict=True):
        weight = share.step(weight, fast, slow)
    return weight
