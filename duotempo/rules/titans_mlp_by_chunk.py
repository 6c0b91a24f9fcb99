"""Titans with a deep memory whose gates act once a chunk: cheaper, read at the chunk's start."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from duotempo.core import UserError
from duotempo.rules.deep import Taken, added, forward, forward_and_steps, steps
from duotempo.rules.deep_open import appended
from duotempo.rules.gates import Gates, Step
from duotempo.rules.move import beyond, own, scaled, towards, with_share, with_steps
from duotempo.rules.rule import Queries, Values, Weights, cut
from duotempo.rules.state import DeepMemoryByChunk
from duotempo.rules.titans_mlp import Deep

FEW = 4  # rows for which reading two sets of weights costs less than adding them up


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
        return DeepMemoryByChunk(
            memory=zeros,
            momentum=zeros if self.momentum else (),
            **self.rows(batch, like),
            sums=like.new_zeros(batch, self.heads, 3),
            count=torch.zeros(batch, dtype=torch.int64, device=like.device),
        )

    def read(self, state: DeepMemoryByChunk, q: Queries, base: Weights) -> Values:
        """The network with the weights of the chunk's start."""
        return forward(q, base, state.memory)

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
        """One token: its step waits."""
        momentum = step.momentum if self.momentum else step.keep
        live = torch.ones_like(step.keep) if step.live is None else step.live
        logs = torch.stack((step.keep.log(), momentum.log(), live), -1)[:, :, 0, 0]
        return self._after(state, steps(k, v, base, state.memory), step.size, logs)

    def scan(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemoryByChunk]:
        """What is left of an open chunk, then chunk by chunk."""
        if gates.starts is not None:
            raise UserError(
                "gates by the chunk cannot begin a document within one: leave out starts, or use "
                "the rule with gates by the token"
            )
        time = q.shape[-2]
        first = min(time, -int(state.count[0]) % self.chunk)
        whole = time - (time - first) % self.chunk
        reads = []
        for start, end, scan in (
            (0, first, self._part),
            (first, whole, self._whole),
            (whole, time, self._part),
        ):
            if end > start:
                part = cut(q, k, v, start, end)
                o, state = scan(state, *part, gates.cut(start, end).settled(), base)
                reads.append(o)
        return torch.cat(reads, -2) if reads else v, state

    def _whole(
        self, state: DeepMemoryByChunk, q: Tensor, k: Tensor, v: Tensor, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemoryByChunk]:
        """Full chunks from a chunk's start on: no step needs to wait."""
        split = gates.each(lambda gate: gate.unflatten(-1, (-1, self.chunk)))
        theta = split.step[..., None]
        parts = [x.unflatten(-2, (-1, self.chunk)) for x in (q, k, v)]
        factors = _factors(_sums(split))
        weights, surprise, reads = list(added(base, state.memory)), own(state.momentum), []
        columns = zip(*(x.unbind(2) for x in (*parts, theta, *factors)), strict=True)
        for q, k, v, size, keep, momentum, live in columns:
            reads.append(forward(q, weights))
            for i, (x, u) in enumerate(zip(*steps(k, v, weights), strict=True)):
                w = towards(weights[i], base[i], 1 - keep)
                if self.momentum:
                    surprise[i] = with_steps(scaled(surprise[i], momentum), x, size * u)
                    weights[i] = with_share(w, surprise[i], live)
                else:
                    weights[i] = with_steps(w, x, size * u)
        return torch.cat(reads, -2), self._anew(state, beyond(base, weights), surprise)

    def _part(
        self, state: DeepMemoryByChunk, q: Tensor, k: Tensor, v: Tensor, gates: Gates, base: Weights
    ) -> tuple[Values, DeepMemoryByChunk]:
        few = q.shape[-2] <= FEW
        parts = (base, state.memory) if few else (added(base, state.memory),)
        reads, taken = forward_and_steps(q, k, v, *parts)
        return reads, self._after(state, taken, gates.step[..., None], _sums(gates))

    def _after(
        self, state: DeepMemoryByChunk, taken: Taken, size: Tensor, logs: Tensor
    ) -> DeepMemoryByChunk:
        """The state after some tokens; a full chunk's steps are taken, unless all were pads."""
        inputs, signals = taken
        inputs = tuple(appended(old, size * x) for old, x in zip(state.inputs, inputs, strict=True))
        signals = tuple(map(appended, state.signals, signals))
        sums, count = state.sums + logs, state.count + size.shape[-2]
        if int(count[0]) < self.chunk:
            return replace(state, inputs=inputs, signals=signals, sums=sums, count=count)
        keep, momentum, live = _factors(sums)
        surprise = [x.mT @ u for x, u in zip(inputs, signals, strict=True)]
        if self.momentum:
            old = zip(state.momentum, surprise, strict=True)
            surprise = [momentum * s + p for s, p in old]
        memory = [keep * w + live * s for w, s in zip(state.memory, surprise, strict=True)]
        return self._anew(state, memory, surprise if self.momentum else ())

    def _anew(
        self, state: DeepMemoryByChunk, memory: Sequence[Tensor], momentum: Sequence[Tensor]
    ) -> DeepMemoryByChunk:
        """A state at a chunk's start."""
        return DeepMemoryByChunk(
            tuple(memory),
            tuple(momentum),
            **self.rows(len(state.count), state.sums),
            sums=torch.zeros_like(state.sums),
            count=torch.zeros_like(state.count),
        )


def _sums(gates: Gates) -> Tensor:
    """Log-gates (keep, momentum) and live tokens, summed over the time."""
    none = torch.zeros_like(gates.step)
    keep = none if gates.keep is None else gates.keep
    momentum = none if gates.momentum is None else gates.momentum
    live = none + 1 if gates.pads is None else none.masked_fill(~gates.pads[:, None], 1.0)
    return torch.stack((keep, momentum, live), -1).sum(-2)


def _factors(sums: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Means of keep and momentum over a chunk's live tokens, and whether there was any."""
    live = sums[..., 2]
    keep, momentum = ((sums[..., i] / live.clamp_min(1)).exp()[..., None, None] for i in (0, 1))
    return keep, momentum, (live > 0).to(keep.dtype)[..., None, None]
