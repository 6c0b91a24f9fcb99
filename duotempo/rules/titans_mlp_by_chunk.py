"""Titans with a deep memory whose gates act once a chunk: cheaper, read at the chunk's start."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from duotempo.core import UserError
from duotempo.rules.deep import added, forward, steps
from duotempo.rules.gates import Gates, Step
from duotempo.rules.product import plus
from duotempo.rules.rule import Queries, Values, Weights, cut
from duotempo.rules.state import DeepMemoryByChunk
from duotempo.rules.titans_mlp import Deep


@dataclass(frozen=True)
class TitansMLPByChunk(Deep):
    """At a chunk's end S = eta S - sum theta_t grad_t, M = (1 - alpha) M + S, eta and alpha the
    geometric means over the chunk's tokens; all reads of a chunk see its start.

    The paper mentions gates by the chunk as an untested speed-up (arXiv 2501.00663, section 3.2).
    Refuses document starts: within a chunk nothing can begin anew.
    """

    def init(self, batch: int, like: Tensor) -> DeepMemoryByChunk:
        """No deviation from the slow start, at the beginning of a chunk."""
        zeros = self.zeros(batch, like)
        sums = like.new_zeros(batch, self.heads, 3)
        count = torch.zeros(batch, dtype=torch.int64, device=like.device)
        return DeepMemoryByChunk(zeros, zeros if self.momentum else (), zeros, sums, count)

    def read(self, state: DeepMemoryByChunk, q: Queries, base: Weights) -> Values:
        """The network with the weights of the chunk's start."""
        return forward(q, added(base, state.memory))

    def loop(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, Any]:
        """Token by token: read, then write, since a chunk's last token reads its start too."""
        reads = []
        for t in range(q.shape[-2]):
            one = slice(t, t + 1)
            reads.append(self.read(state, q[..., one, :], base))
            state = self.write(state, k[..., one, :], v[..., one, :], gates.at(t), base)
        return torch.cat(reads, -2) if reads else v, state

    def write(
        self, state: DeepMemoryByChunk, k: Queries, v: Values, step: Step, base: Weights
    ) -> DeepMemoryByChunk:
        """One token: its step waits in `pending`."""
        inputs, signals = steps(k, v, added(base, state.memory))
        taken = (step.size * x.mT @ u for x, u in zip(inputs, signals, strict=True))
        pending = tuple(p + s for p, s in zip(state.pending, taken, strict=True))
        momentum = step.momentum if self.momentum else step.keep
        logs = torch.stack((step.keep.log(), momentum.log(), step.live), -1)[:, :, 0, 0]
        return self._after(state, pending, state.sums + logs, state.count + 1)

    def scan(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemoryByChunk]:
        """What is left of an open chunk, then chunk by chunk."""
        if gates.starts is not None:
            raise UserError(
                "gates by the chunk cannot begin a document within one: leave out starts, or use "
                "the rule with gates by the token"
            )
        reads, start, time = [], 0, q.shape[-2]
        while start < time:
            end = min(time, start + self.chunk - int(state.count[0]))
            part = cut(q, k, v, start, end)
            o, state = self._chunk(state, *part, gates.cut(start, end).settled(), base)
            reads.append(o)
            start = end
        return torch.cat(reads, -2) if reads else v, state

    def _chunk(
        self, state: DeepMemoryByChunk, q: Tensor, k: Tensor, v: Tensor, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemoryByChunk]:
        weights = added(base, state.memory)
        inputs, signals = steps(k, v, weights)
        theta = gates.step[..., None]
        pending = tuple(
            plus(p, x.mT, theta * u) for p, x, u in zip(state.pending, inputs, signals, strict=True)
        )
        none = torch.zeros_like(gates.step)
        keep = none if gates.keep is None else gates.keep
        momentum = none if gates.momentum is None else gates.momentum
        live = none + 1 if gates.pads is None else none.masked_fill(~gates.pads[:, None], 1.0)
        sums = state.sums + torch.stack((keep, momentum, live), -1).sum(-2)
        after = self._after(state, pending, sums, state.count + q.shape[-2])
        return forward(q, weights), after

    def _after(
        self, state: DeepMemoryByChunk, pending: Weights, sums: Tensor, count: Tensor
    ) -> DeepMemoryByChunk:
        """The state; a full chunk's steps are taken, unless all its tokens were pads."""
        if int(count[0]) < self.chunk:
            return DeepMemoryByChunk(state.memory, state.momentum, pending, sums, count)
        live = sums[..., 2]
        keep, momentum = ((sums[..., i] / live.clamp_min(1)).exp()[..., None, None] for i in (0, 1))
        surprise = pending
        if self.momentum:
            old = zip(state.momentum, pending, strict=True)
            surprise = tuple(momentum * s + p for s, p in old)
        any_live = (live > 0).to(keep.dtype)[..., None, None]
        memory = tuple(keep * w + any_live * s for w, s in zip(state.memory, surprise, strict=True))
        zeros = tuple(torch.zeros_like(p) for p in pending)
        return DeepMemoryByChunk(
            memory,
            surprise if self.momentum else (),
            zeros,
            torch.zeros_like(sums),
            torch.zeros_like(count),
        )
