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
    """A memory of several layers as it was at the chunk's start, where gradients are taken, and
    what the chunk's tokens do to it.

    `memory` deviates from the slow start, `momentum` is the surprise. `inputs` and `signals` of
    each layer belong to the last tokens, the newest in the last row. `shares` says what memory
    (row 0) and surprise (row 1) now hold of the first memory, the first surprise and each token's
    step. `count` is tokens into the chunk.
    """

    memory: tuple[Tensor, ...]
    momentum: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    signals: tuple[Tensor, ...]
    shares: Float[Tensor, "batch head 2 column"]
    count: Int[Tensor, " batch"]


@dataclass(frozen=True)
class DeepMemoryByChunk:
    """A deep memory whose gates act once a chunk: of the last tokens `inputs` (times the size of
    their steps) and `signals` wait, the newest in the last row; `sums` are log-gates and live
    tokens (keep, momentum, live) of the open chunk, `count` is tokens into it."""

    memory: tuple[Tensor, ...]
    momentum: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    signals: tuple[Tensor, ...]
    sums: Float[Tensor, "batch head 3"]
    count: Int[Tensor, " batch"]


for _kind in (Memory, MemoryWithMomentum, DeepMemory, DeepMemoryByChunk):
    register_dataclass(_kind)
