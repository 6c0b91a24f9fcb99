"""The network of a deep memory, and its inner gradients written by hand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from duotempo.rules.rule import Weights

gelu_backward = torch.ops.aten.gelu_backward  # one kernel, and differentiable itself


def act(z: Tensor) -> Tensor:
    """GELU, by its exact form."""
    return torch.nn.functional.gelu(z)


def forward(x: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """The memory's answer to rows [batch head time key]: x W1, act, W2, ..., none at the end."""
    for i, weight in enumerate(weights):
        x = x @ weight if i == 0 else act(x) @ weight
    return x


def steps(k: Tensor, v: Tensor, weights: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs x_i and signals u_i of each layer: minus the gradient of 1/2 |M(k) - v|^2 for layer i
    and one token is x_i^T u_i (back-propagation, written out so that the outer gradient stays
    first-order)."""
    inputs, sums = [k], [k @ weights[0]]
    for weight in weights[1:]:
        inputs.append(act(sums[-1]))
        sums.append(inputs[-1] @ weight)
    signals = [v - sums.pop()]
    for weight, z in zip(reversed(weights[1:]), reversed(sums), strict=True):
        signals.append(gelu_backward(signals[-1] @ weight.mT, z))
    return inputs, signals[::-1]


def added(base: Weights, deviation: Weights) -> Weights:
    """The weights of a memory: the slow start and what deviates from it."""
    return tuple(w + d for w, d in zip(base, deviation, strict=True))
