"""The network of a deep memory, and its inner gradients written by hand."""

from collections.abc import Sequence

import torch
from torch import Tensor

from duotempo.rules.rule import Weights

Taken = tuple[list[Tensor], list[Tensor]]
"""Inputs and signals of each layer."""

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


def traced(x: Tensor, parts: tuple[Sequence[Tensor], ...]) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs and outputs of each layer for rows [batch head time key]: x W1, act, W2, ..., none at
    the end."""
    inputs, sums = [x], [through(x, 0, parts)]
    for i in range(1, len(parts[0])):
        inputs.append(act(sums[-1]))
        sums.append(through(inputs[-1], i, parts))
    return inputs, sums


def forward(x: Tensor, *parts: Sequence[Tensor]) -> Tensor:
    """The memory's answer."""
    return traced(x, parts)[1][-1]


def steps(k: Tensor, v: Tensor, *parts: Sequence[Tensor]) -> Taken:
    """Inputs x_i and signals u_i of each layer: minus the gradient of 1/2 |M(k) - v|^2 for layer i
    and one token is x_i^T u_i (back-propagation, written out so that the outer gradient stays
    first-order)."""
    inputs, sums = traced(k, parts)
    return inputs, _signals(sums, v, parts)


def forward_and_steps(
    q: Tensor, k: Tensor, v: Tensor, *parts: Sequence[Tensor]
) -> tuple[Tensor, Taken]:
    """Both at once: for few rows the time goes into reading the weights."""
    rows = q.shape[-2]
    inputs, sums = traced(torch.cat((q, k), -2), parts)
    read = sums[-1][..., :rows, :]
    inputs, sums = ([x[..., rows:, :] for x in part] for part in (inputs, sums))
    return read, (inputs, _signals(sums, v, parts))


def _signals(sums: list[Tensor], v: Tensor, parts: tuple[Sequence[Tensor], ...]) -> list[Tensor]:
    """Signals of each layer, from the last to the first."""
    signals = [v - sums[-1]]
    for i in range(len(sums) - 1, 0, -1):
        signals.append(gelu_backward(back(signals[-1], i, parts), sums[i - 1]))
    return signals[::-1]


def added(base: Weights, deviation: Weights) -> Weights:
    """The weights of a memory: the slow start and what deviates from it."""
    return tuple(w + d for w, d in zip(base, deviation, strict=True))
