"""The network of a deep memory, and its inner gradients written by hand."""

import math

import torch
from torch import Tensor

from duotempo.rules.rule import Weights


def act(z: Tensor) -> Tensor:
    """GELU, by its exact form."""
    return torch.nn.functional.gelu(z)


def act_and_slope(z: Tensor) -> tuple[Tensor, Tensor]:
    """GELU and its derivative."""
    cdf = 0.5 * (1 + torch.erf(z * math.sqrt(0.5)))
    return z * cdf, cdf + z * torch.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))


def forward(x: Tensor, weights: Weights) -> Tensor:
    """The memory's answer to rows [batch head time key]: x W1, act, W2, ..., none at the end."""
    for i, weight in enumerate(weights):
        x = x @ weight if i == 0 else act(x) @ weight
    return x


def gradients(k: Tensor, v: Tensor, weights: Weights) -> tuple[list[Tensor], list[Tensor]]:
    """Inputs x_i and signals u_i of each layer: the gradient of 1/2 |M(k) - v|^2 for layer i and
    one token is x_i^T u_i (back-propagation, written out so that the outer gradient stays
    first-order)."""
    inputs, slopes, z = [k], [], k
    for i, weight in enumerate(weights):
        z = inputs[i] @ weight
        if i + 1 < len(weights):
            x, slope = act_and_slope(z)
            inputs.append(x)
            slopes.append(slope)
    signals = [z - v]
    for i in range(len(weights) - 1, 0, -1):
        signals.append((signals[-1] @ weights[i].mT) * slopes[i - 1])
    return inputs, signals[::-1]


def added(base: Weights, deviation: Weights) -> Weights:
    """The weights of a memory: the slow start and what deviates from it."""
    return tuple(w + d for w, d in zip(base, deviation, strict=True))
