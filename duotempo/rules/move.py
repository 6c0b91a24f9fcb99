"""Weights on their way through the chunks of a scan: in place when no gradient is wanted.

So a scan without gradients leaves no chunk's weights behind, and what it is given it never changes:
`own` comes first.
"""

from collections.abc import Iterable

import torch
from torch import Tensor

from duotempo.rules.rule import Weights


def own(weights: Iterable[Tensor]) -> list[Tensor]:
    """Weights that the functions below may change."""
    return list(weights) if torch.is_grad_enabled() else [w.clone() for w in weights]


def scaled(weight: Tensor, share: Tensor) -> Tensor:
    """share * weight."""
    return weight * share if torch.is_grad_enabled() else weight.mul_(share)


def towards(weight: Tensor, slow: Tensor, share: Tensor) -> Tensor:
    """A share of the way from a weight to its slow start."""
    slow = slow.to(weight.dtype)
    if torch.is_grad_enabled():
        return torch.lerp(weight, slow, share)
    return weight.lerp_(slow, share)


def with_share(weight: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """weight + share * other."""
    if torch.is_grad_enabled():
        return torch.addcmul(weight, other, share)
    return weight.addcmul_(other, share)


def with_steps(weight: Tensor, inputs: Tensor, signals: Tensor) -> Tensor:
    """weight + inputs^T signals. Under autocast the product is taken in low precision and the sum
    in the weight's own: in bf16 an update below 1/256 of the weight would be lost."""
    if torch.is_autocast_enabled(weight.device.type):
        product = inputs.mT @ signals
        return weight + product if torch.is_grad_enabled() else weight.add_(product)
    flat = (weight.flatten(0, 1), inputs.mT.flatten(0, 1), signals.flatten(0, 1))
    if torch.is_grad_enabled():
        return torch.baddbmm(*flat).unflatten(0, weight.shape[:2])
    flat[0].baddbmm_(*flat[1:])
    return weight


def beyond(base: Weights, weights: Iterable[Tensor]) -> Weights:
    """What deviates from the slow start."""
    return tuple(w - slow for w, slow in zip(weights, base, strict=True))
