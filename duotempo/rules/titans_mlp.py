"""Titans with a deep memory: gradients at the chunk's start, gates and reads at every token."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from duotempo.core import UserError
from duotempo.rules.deep import Taken, added, steps
from duotempo.rules.deep_chunk import Chunk, chunks
from duotempo.rules.deep_open import (
    MEMORY,
    SURPRISE,
    appended,
    begun,
    moved,
    opened,
    present,
    read,
    stepped,
)
from duotempo.rules.gates import Gates, Step
from duotempo.rules.move import beyond, own
from duotempo.rules.rule import Queries, Rule, Values, Weights, cut
from duotempo.rules.state import DeepMemory

DEEPEST = 4


@dataclass(frozen=True)
class Deep(Rule):
    """A memory that is a network of `depth` layers, `hidden` wide, without biases.

    Gradients are taken at the weights of the chunk's start, so `chunk` is part of the model: a
    model trained at one chunk is another function at the next.
    """

    depth: int = 2
    hidden: int = 128
    momentum: bool = True
    decay: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.depth <= DEEPEST or self.hidden < 1:
            raise UserError(
                f"depth={self.depth}, hidden={self.hidden}: a memory has 1 to {DEEPEST} layers "
                "and a width of at least 1"
            )

    @property
    def exact(self) -> bool:
        """Never: the chunk decides where gradients are taken."""
        return False

    @property
    def has_momentum(self) -> bool:
        """Whether the surprise of earlier tokens goes on."""
        return self.momentum

    @property
    def has_decay(self) -> bool:
        """Whether the memory fades."""
        return self.decay

    def bound(self, momentum: Tensor | None) -> Tensor | float:
        """(1 - eta) / chunk: all steps of a chunk go the same way on a repeated key, and above it
        the error grows from chunk to chunk."""
        free = super().bound(momentum)
        return free / self.chunk

    def sizes(self) -> list[tuple[int, int]]:
        """Inputs and outputs of each layer."""
        widths = [self.key, *[self.hidden] * (self.depth - 1), self.value]
        return list(pairwise(widths))

    def start(self, generator: torch.Generator | None = None) -> Weights:
        """Normal weights scaled by the wider side of their matrix: then no layer enlarges what
        goes through it, forwards or backwards, and a step within `bound` does not overshoot."""
        return tuple(
            torch.randn(self.heads, a, b, generator=generator) / max(a, b) ** 0.5
            for a, b in self.sizes()
        )

    def zeros(self, batch: int, like: Tensor) -> Weights:
        """One zero weight a layer for every sequence."""
        return tuple(like.new_zeros(batch, self.heads, a, b) for a, b in self.sizes())

    def rows(self, batch: int, like: Tensor) -> dict[str, Weights]:
        """Room for a chunk's inputs and signals of each layer."""
        first = (batch, self.heads, self.chunk)
        inputs, signals = zip(*self.sizes(), strict=True)
        return {
            "inputs": tuple(like.new_zeros(*first, width) for width in inputs),
            "signals": tuple(like.new_zeros(*first, width) for width in signals),
        }


@dataclass(frozen=True)
class TitansMLP(Deep):
    """S_t = eta_t S_{t-1} - theta_t grad, M_t = (1 - alpha_t) M_{t-1} + S_t.

    The gradient is taken at M_{t'}, t' the start of t's chunk. Source: Titans, arXiv 2501.00663,
    eq. 16-18; the reads of every token need no weights of their own (the dual form, with momentum
    and decay).
    """

    def init(self, batch: int, like: Tensor) -> DeepMemory:
        """No deviation from the slow start, at the beginning of a chunk."""
        zeros = self.zeros(batch, like)
        return DeepMemory(
            memory=zeros,
            momentum=zeros if self.momentum else (),
            **self.rows(batch, like),
            shares=opened(like, batch, self.heads, self.chunk),
            count=torch.zeros(batch, dtype=torch.int64, device=like.device),
        )

    def read(self, state: DeepMemory, q: Queries, base: Weights) -> Values:
        """The network with its present weights."""
        return read(state, q, base)

    def write(
        self, state: DeepMemory, k: Queries, v: Values, step: Step, base: Weights
    ) -> DeepMemory:
        """One token."""
        state = begun(state, step)
        inputs, signals = steps(k, v, base, state.memory)
        after = replace(
            state,
            inputs=tuple(map(appended, state.inputs, inputs)),
            signals=tuple(map(appended, state.signals, signals)),
            shares=stepped(state.shares, step),
            count=state.count + 1,
        )
        return self._closed(after) if int(after.count[0]) == self.chunk else after

    def _closed(self, state: DeepMemory) -> DeepMemory:
        """The state at the start of the next chunk."""
        momentum = present(state, SURPRISE) if self.momentum else ()
        return self._anew(state, present(state, MEMORY), momentum)

    def _anew(
        self, state: DeepMemory, memory: Sequence[Tensor], momentum: Sequence[Tensor]
    ) -> DeepMemory:
        """A state at a chunk's start."""
        batch = len(state.count)
        return DeepMemory(
            tuple(memory),
            tuple(momentum),
            **self.rows(batch, state.shares),
            shares=opened(state.shares, batch, self.heads, self.chunk),
            count=torch.zeros_like(state.count),
        )

    def scan(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemory]:
        """What is left of an open chunk, full chunks, then the beginning of another."""
        time = q.shape[-2]
        if time == 1:
            return self.loop(state, q, k, v, gates, base)
        first = min(time, -int(state.count[0]) % self.chunk)
        whole = time - (time - first) % self.chunk
        reads = []
        for start, end in ((0, first), (first, whole), (whole, time)):
            if end > start:
                part = cut(q, k, v, start, end)
                o, state = self._scan(state, *part, gates.cut(start, end), base)
                reads += o
        return torch.cat(reads, -2) if reads else v, state

    def _scan(
        self, state: DeepMemory, q: Tensor, k: Tensor, v: Tensor, gates: Gates, base: Weights
    ) -> tuple[list[Tensor], DeepMemory]:
        """Full chunks, or a part of one: reads of each, and the state behind the last."""
        size, count = min(self.chunk, q.shape[-2]), int(state.count[0])
        at = list(added(base, state.memory))
        if count:
            weights = list(added(base, present(state, MEMORY)))
            surprise = list(present(state, SURPRISE)) if self.momentum else []
        else:
            weights, surprise = at, own(state.momentum)
        reads = []
        for chunk in chunks(q, k, v, gates, base[0], size):
            taken = chunk.steps(base, at)
            reads.append(chunk.reads(base, weights, surprise, taken))
            if count + size < self.chunk:
                return reads, self._gone_on(state, chunk, taken)
            weights, surprise = chunk.moved(base, weights, surprise, taken)
            at = weights
        return reads, self._anew(state, beyond(base, weights), surprise)

    def _gone_on(self, state: DeepMemory, chunk: Chunk, taken: Taken) -> DeepMemory:
        """The state within a chunk, after some of its tokens."""
        inputs, signals = taken
        return DeepMemory(
            chunk.kept(state.memory),
            chunk.kept(state.momentum),
            tuple(map(appended, state.inputs, inputs)),
            tuple(map(appended, state.signals, signals)),
            moved(state.shares, chunk.shares()),
            state.count + chunk.q.shape[-2],
        )
