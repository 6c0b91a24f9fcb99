"""Titans with a deep memory: gradients at the chunk's start, gates and reads at every token."""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from duotempo.core import UserError
from duotempo.rules.decay import Coefficients, coefficients
from duotempo.rules.deep import act, added, forward, gradients
from duotempo.rules.gates import Gates, Step
from duotempo.rules.product import plus
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
        count = torch.zeros(batch, dtype=torch.int64, device=like.device)
        return DeepMemory(zeros, zeros if self.momentum else (), zeros, count)

    def read(self, state: DeepMemory, q: Queries, base: Weights) -> Values:
        """The network with its present weights."""
        return forward(q, added(base, state.memory))

    def write(
        self, state: DeepMemory, k: Queries, v: Values, step: Step, base: Weights
    ) -> DeepMemory:
        """One token."""
        memory, momentum, reference = (
            tuple(step.same * w for w in part)
            for part in (state.memory, state.momentum, state.reference)
        )
        inputs, signals = gradients(k, v, added(base, reference))
        surprise = tuple(-step.size * x.mT @ u for x, u in zip(inputs, signals, strict=True))
        if self.momentum:
            old = zip(surprise, momentum, strict=True)
            surprise = tuple(step.momentum * m + s for s, m in old)
        memory = tuple(step.keep * w + step.live * s for w, s in zip(memory, surprise, strict=True))
        return self._after(memory, surprise if self.momentum else (), reference, state.count + 1)

    def _after(
        self, memory: Weights, momentum: Weights, reference: Weights, count: Tensor
    ) -> DeepMemory:
        """The state, with a new reference when its chunk is full."""
        full = int(count[0]) == self.chunk
        if full:
            count = torch.zeros_like(count)
        return DeepMemory(memory, momentum, memory if full else reference, count)

    def scan(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemory]:
        """What is left of an open chunk, then chunk by chunk."""
        reads, start, time = [], 0, q.shape[-2]
        while start < time:
            end = min(time, start + self.chunk - int(state.count[0]))
            part = cut(q, k, v, start, end)
            o, state = self._chunk(state, *part, gates.cut(start, end), base)
            reads.append(o)
            start = end
        return torch.cat(reads, -2) if reads else v, state

    def _chunk(
        self, state: DeepMemory, q: Tensor, k: Tensor, v: Tensor, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemory]:
        c = coefficients(gates)
        inputs, signals = gradients(k, v, added(base, state.reference))
        reference = state.reference
        if c.fresh is not None:  # behind a document's start the reference is the slow start
            anew = gradients(k, v, tuple(w[None] for w in base))
            fresh = c.fresh[..., None]
            inputs, signals = (
                [torch.where(fresh, b, a) for a, b in zip(old, new, strict=True)]
                for old, new in zip((inputs, signals), anew, strict=True)
            )
            reference = tuple(_kept(w, c.fresh) for w in reference)
        reads = _reads(q, c, inputs, signals, base, state)
        memory, momentum = _updates(c, inputs, signals, state)
        count = state.count + q.shape[-2]
        return reads, self._after(memory, momentum, reference, count)


def _kept(weight: Tensor, fresh: Tensor) -> Tensor:
    """Nothing of a weight where a document has begun by the chunk's end."""
    return weight.masked_fill(fresh[..., -1, None, None], 0.0)


def _reads(
    q: Tensor,
    c: Coefficients,
    inputs: list[Tensor],
    signals: list[Tensor],
    base: Weights,
    state: DeepMemory,
) -> Tensor:
    """Every token's read of its own weights M_t, layer by layer: x W_0 + beta x D + f x S minus
    the steps of the tokens before it, weighed by how alike their inputs are."""
    x = q
    for i, slow in enumerate(base):
        x = act(x) if i else x
        z = x @ slow + c.beta[..., None] * (x @ state.memory[i])
        if c.f is not None:
            z = z + c.f[..., None] * (x @ state.momentum[i])
        x = z - ((x @ inputs[i].mT) * c.g) @ signals[i]
    return x


def _updates(
    c: Coefficients, inputs: list[Tensor], signals: list[Tensor], state: DeepMemory
) -> tuple[Weights, Weights]:
    """The memory and the surprise at the chunk's end."""
    beta, memory, momentum = c.beta[..., -1, None, None], [], []
    for i, (x, u) in enumerate(zip(inputs, signals, strict=True)):
        kept = beta * state.memory[i]
        if c.f is not None and c.m is not None and c.n is not None:
            kept = kept + c.f[..., -1, None, None] * state.momentum[i]
            going = c.m[..., -1, None, None] * state.momentum[i]
            momentum.append(plus(going, x.mT, -c.n[..., -1, :, None] * u))
        memory.append(plus(kept, x.mT, -c.g[..., -1, :, None] * u))
    return tuple(memory), tuple(momentum)
