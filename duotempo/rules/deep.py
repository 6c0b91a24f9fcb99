"""The network of a deep memory, and its inner gradients written by hand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from duotempo.rules.rule import Weights

gelu_backward = torch.ops.aten.gelu_backward  # one kernel, and differentiable itself


def act(z: Tensor) -> Tensor:
    """GELU, by its exact form."""
    return torch.nn.functional.gelu(z)


def through(x: Tensor, layer: int, parts: tuple[Sequence[Tensor], ...]) -> Tensor:
    """x W for a layer whose weights are the sum of the parts: one token takes each part in turn,
    since to add them up first would read and write them all."""
    x, *more = (x @ part[layer] for part in parts)
    return sum(more, x)


def back(u: Tensor, layer: int, parts: tuple[Sequence[Tensor], ...]) -> Tensor:
    """u W^T, likewise."""
    u, *more = (u @ part[layer].mT for part in parts)
    return sum(more, u)


def forward(x: Tensor, *parts: Sequence[Tensor]) -> Tensor:
    """The memory's answer to rows [batch head time key]: x W1, act, W2, ..., none at the end."""
    for i in range(len(parts[0])):
        x = through(act(x) if i else x, i, parts)
    return x


def steps(k: Tensor, v: Tensor, *parts: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs x_i and signals u_i of each layer: minus the gradient of 1/2 |M(k) - v|^2 for layer i
    and one token is x_i^T u_i (back-propagation, written out so that the outer gradient stays
    first-order)."""
    inputs, sums = [k], [through(k, 0, parts)]
    for i in range(1, len(parts[0])):
        inputs.append(act(sums[-1]))
        sums.append(through(inputs[-1], i, parts))
    signals = [v - sums.pop()]
    for i in range(len(sums), 0, -1):
        signals.append(gelu_backward(back(signals[-1], i, parts), sums[i - 1]))
    return inputs, signals[::-1]


def added(base: Weights, deviation: Weights) -> Weights:
    """The weights of a memory: the slow start and what deviates from it."""
    return tuple(w + d for w, d in zip(base, deviation, strict=True))
