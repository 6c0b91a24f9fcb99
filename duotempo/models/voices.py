"""Two voices over a text: token losses without and with a state, and their mixture."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from duotempo.core import FixedShare
from duotempo.models.body import Body, Memory

NATS = 0.6931471805599453  # nats in a bit
CHUNK = 256  # rows of logits at once: a row is a vocabulary wide


@torch.no_grad()
def token_losses(
    body: Body, x: Tensor, ids: Int[Tensor, "batch time"], skip: int, memory: Memory | None = None
) -> Float[Tensor, "batch scored"]:
    """Loss in nats on each token of `ids` from the `skip`th on; `x` is the trunk's view of it."""
    y = body.upper(x, memory)[:, skip - 1 : -1]
    wanted = ids[:, skip:].to(y.device)
    out = torch.empty(wanted.shape, dtype=torch.float32, device=y.device)
    for a in range(0, wanted.shape[1], CHUNK):
        logits = body.logits(y[:, a : a + CHUNK])
        picked = logits.gather(-1, wanted[:, a : a + CHUNK, None])[..., 0]
        out[:, a : a + CHUNK] = logits.logsumexp(-1) - picked
    return out


@dataclass(frozen=True)
class Bits:
    """Bits a token of one text: untouched model, model + state alone, and both mixed."""

    tokens: int
    none: float
    alone: float
    mixed: float


def bits(slow: Sequence[float], fast: Sequence[float] | None, share: FixedShare) -> Bits:
    """The three scores from token losses in nats; without a fast voice all three agree."""
    count = len(slow)
    none = sum(slow) / count / NATS
    if fast is None:
        return Bits(count, none, none, none)
    mixed = share.losses(fast, slow)
    return Bits(count, none, sum(fast) / count / NATS, sum(mixed) / count / NATS)


def mix_logits(logits: Float[Tensor, "2 vocab"], weight: float) -> Float[Tensor, " vocab"]:
    """Log-probabilities of the mixture; row 0 is the untouched model, row 1 model + state."""
    logp = logits.log_softmax(-1)
    if weight <= 0:
        return logp[0]
    pair = torch.tensor([1 - weight, weight], device=logits.device).log()
    return torch.logsumexp(logp + pair[:, None], dim=0)
