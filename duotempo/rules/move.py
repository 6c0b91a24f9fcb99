"""Weights on their way through the chunks of a scan: in place when no gradient is wanted.

So a scan without gradients leaves no chunk's weights behind, and what it is given it never changes:
`own` comes first.
"""

from collections.abc import Iterable
from typing import Any

import torch
from jaxtyping import Float
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
    if torch.is_grad_enabled():
        return _Faded.apply(weight, slow.to(weight.dtype), share, None, None)
    return weight.lerp_(slow.to(weight.dtype), share)


def with_share(weight: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """weight + share * other."""
    if torch.is_grad_enabled():
        return torch.addcmul(weight, other, share)
    return weight.addcmul_(other, share)


def faded(weight: Tensor, slow: Tensor, share: Tensor, surprise: Tensor, going: Tensor) -> Tensor:
    """`towards` and `with_share` in one."""
    if torch.is_grad_enabled():
        return _Faded.apply(weight, slow.to(weight.dtype), share, surprise, going)
    return with_share(towards(weight, slow, share), surprise, going)


class _Faded(torch.autograd.Function):
    """weight + share (slow - weight) + going surprise, whose gradients to the shares are inner
    products: left to itself autograd writes a full tensor for each and sums it up."""

    @staticmethod
    def forward(
        ctx: Any,
        weight: Tensor,
        slow: Tensor,
        share: Tensor,
        surprise: Tensor | None,
        going: Tensor | None,
    ) -> Tensor:
        """One tensor is written."""
        ctx.save_for_backward(weight, slow, share, surprise, going)
        after = torch.lerp(weight, slow, share)
        if surprise is None or going is None:
            return after
        return after.addcmul_(surprise, going)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """By the rules of sums and products."""
        weight, slow, share, surprise, going = ctx.saved_tensors
        (grad,) = grads
        to_slow = grad * share
        to_share = _inner(grad, slow - weight)
        found = (grad - to_slow, _summed(to_slow), to_share)
        if surprise is None:
            return *found, None, None
        return *found, grad * going, _inner(grad, surprise)


def _inner(a: Tensor, b: Tensor) -> Float[Tensor, "batch head 1 1"]:
    """The inner product of two matrices, by head: neither a matrix product nor `dot`, since torch
    may be told to take both in bf16, where this one is slow and rough."""
    return (a * b).sum((-2, -1), keepdim=True)


def _summed(x: Float[Tensor, "batch *weight"]) -> Float[Tensor, "*weight"]:
    """The sum over sequences; one alone is no sum, which would write it anew."""
    return x[0] if len(x) == 1 else x.sum(0)


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
