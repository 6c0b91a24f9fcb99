"""Memory and surprise as one block of rows, [M; S]: one product reads both, one writes both."""

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.rules.decay import Coefficients
from duotempo.rules.product import plus


def stacked(memory: Tensor, momentum: Tensor | None) -> Float[Tensor, "batch head rows value"]:
    """A block of its own, so that a scan without gradients may change it in place."""
    return memory.clone() if momentum is None else torch.cat((memory, momentum), -2)


def reading(c: Coefficients) -> Float[Tensor, "... time parts"]:
    """How much of M and S before the chunk each token reads: beta and f."""
    return torch.stack((c.beta,) if c.f is None else (c.beta, c.f), -1)


def writing(c: Coefficients) -> Float[Tensor, "... time parts"]:
    """How much of each token's step is in M and S behind the chunk: the last rows of g and n."""
    last = c.g[..., -1, :]
    return torch.stack((last,) if c.n is None else (last, c.n[..., -1, :]), -1)


def fading(c: Coefficients) -> Float[Tensor, "... parts parts"]:
    """What the chunk makes of M and S: M <- beta M + f S, S <- m S."""
    beta = c.beta[..., -1, None, None]
    if c.f is None or c.m is None:
        return beta
    above = torch.cat((beta, c.f[..., -1, None, None]), -1)
    below = torch.nn.functional.pad(c.m[..., -1, None, None], (1, 0))
    return torch.cat((above, below), -2)


def rows(
    x: Float[Tensor, "... time key"], share: Float[Tensor, "... time parts"]
) -> Float[Tensor, "... time rows"]:
    """Each token's row once for M and once for S, weighed: `rows @ [M; S]` reads both."""
    return (x[..., None, :] * share[..., None]).flatten(-2)


def moved(
    now: Float[Tensor, "batch head rows value"],
    mix: Float[Tensor, "batch head parts parts"],
    written: Float[Tensor, "batch head time rows"],
    signals: Float[Tensor, "batch head time value"],
) -> Float[Tensor, "batch head rows value"]:
    """The block behind a chunk: what is left of it, and written^T signals.

    Without gradients `now` itself is changed and returned: no chunk leaves weights behind.
    """
    if torch.is_grad_enabled():
        flat = now.reshape(*mix.shape[:-1], -1)
        return plus(_mixed(mix, flat).reshape(now.shape), written.mT, signals)
    _fade_in_place(now, mix)
    if torch.is_autocast_enabled(now.device.type):
        return now.add_(written.mT @ signals)
    now.flatten(0, 1).baddbmm_(written.mT.flatten(0, 1), signals.flatten(0, 1))
    return now


def _mixed(mix: Tensor, flat: Tensor) -> Tensor:
    with torch.autocast(flat.device.type, enabled=False):
        return mix.to(flat.dtype) @ flat


def _fade_in_place(now: Tensor, mix: Tensor) -> None:
    parts = now.chunk(mix.shape[-1], -2)
    parts[0].mul_(mix[..., :1, :1])
    if len(parts) > 1:
        parts[0].addcmul_(parts[1], mix[..., :1, 1:])
        parts[1].mul_(mix[..., 1:, 1:])
