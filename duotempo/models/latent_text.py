"""Text from a model with latents: on its own, or after a prefix that the latents are fitted to."""

from collections.abc import Iterator

import torch
from jaxtyping import Float, Int
from torch import Tensor

from duotempo.models.cache import StateCache, Streams
from duotempo.models.latent import LatentDecoder, Thought
from duotempo.models.posterior import fresh

SHORTEST = 3
"""Tokens of a prefix that latents can be fitted to: two, and the one that is read after the fit."""


@torch.no_grad()
def opening(
    model: LatentDecoder, prefix: Int[Tensor, "batch time"], seed: int = 0
) -> tuple[Float[Tensor, "batch vocab"], Thought]:
    """Logits of the token after a prefix, and the state to go on from.

    Latents are fitted to all of the prefix but its last token, also where it ends inside a segment;
    for a prefix of less than three tokens they are drawn from the prior (an unconditional text).
    """
    if prefix.shape[1] < SHORTEST:
        state = model.dreamt(prefix.shape[0], fresh(seed))
        logits, state = model(prefix, state)
        return logits[:, -1], state
    state = model.read(prefix[:, :-1])
    if state.time > 1:
        state = model.thought(state)
    logits, state = model(prefix[:, -1:], state)
    return logits[:, -1], state


@torch.no_grad()
def write(
    model: LatentDecoder,
    prefix: Int[Tensor, "1 time"],
    *,
    refit: int | None = None,
    temperature: float = 1.0,
    seed: int = 0,
) -> Iterator[int]:
    """Tokens after a prefix, without end: latents are fitted again after every `refit` tokens
    (None: after each segment), starting from what they were. The cost of a token does not depend on
    how many came before."""
    model = model if refit is None else model.thinking_as(segment=refit)
    generator = torch.Generator().manual_seed(seed)
    logits, state = opening(model, prefix, seed)
    while True:
        chance = (logits[0].double() / max(temperature, 1e-6)).softmax(-1).cpu()
        token = torch.multinomial(chance, 1, generator=generator)
        yield int(token)
        said, state = model(token[None].to(prefix.device), state)
        logits = said[:, -1]


def primed(model: LatentDecoder, prefix: Int[Tensor, "batch time"], seed: int = 0) -> StateCache:
    """A cache for Hugging Face's `generate`, whose latents are fitted to a prefix: give it with the
    prefix and one token more."""
    _, state = opening(model, prefix, seed)
    batch, length = prefix.shape
    begun = torch.ones(batch, dtype=torch.bool, device=prefix.device)
    return StateCache(Streams(state, begun, torch.zeros_like(begun)), length)
