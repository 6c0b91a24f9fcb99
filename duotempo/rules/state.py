"""The states of fast-weight rules: frozen values of tensors, batch first in every one."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor
from torch.utils._pytree import register_dataclass

Matrix = Float[Tensor, "batch head key value"]


@dataclass(frozen=True)
class Memory:
    """What a linear memory has learned beyond its slow start."""

    memory: Matrix


@dataclass(frozen=True)
class MemoryWithMomentum:
    """A linear memory and its surprise S, which goes on moving it."""

    memory: Matrix
    momentum: Matrix


@dataclass(frozen=True)
class DeepMemory:
    """A memory of several layers: its deviation from the slow start, the surprise, and the
    deviation at the chunk's start, where gradients are taken. `count` is tokens into the chunk."""

    memory: tuple[Tensor, ...]
    momentum: tuple[Tensor, ...]
    reference: tuple[Tensor, ...]
    count: Int[Tensor, " batch"]


@dataclass(frozen=True)
class DeepMemoryByChunk:
    """A deep memory whose gates act once a chunk: `pending` sums the open chunk's steps, `sums` its
    log-gates and live tokens (keep, momentum, live), `count` is tokens into the chunk."""

    memory: tuple[Tensor, ...]
    momentum: tuple[Tensor, ...]
    pending: tuple[Tensor, ...]
    sums: Float[Tensor, "batch head 3"]
    count: Int[Tensor, " batch"]


for _kind in (Memory, MemoryWithMomentum, DeepMemory, DeepMemoryByChunk):
    register_dataclass(_kind)
