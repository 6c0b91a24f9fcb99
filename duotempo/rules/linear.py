"""Linear memories in chunks: all chunks' coefficients at once, one triangular system a chunk."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.rules.decay import Coefficients, coefficients
from duotempo.rules.gates import Gates
from duotempo.rules.product import plus
from duotempo.rules.rule import Queries, Rule, Values, Weights, cut
from duotempo.rules.stack import fading, moved, reading, rows, stacked, writing
from duotempo.rules.state import Memory, MemoryWithMomentum

Seen = tuple[Tensor, Tensor | None, Tensor]
"""`beta`, `f` and `g` of the memory at which a rule takes token t's error."""


@dataclass(frozen=True)
class Linear(Rule):
    """A memory that is one matrix a head, read as q @ M."""

    @property
    def exact(self) -> bool:
        """Linear memories solve for the error at each token, whatever the chunk."""
        return True

    @abstractmethod
    def seen(self, c: Coefficients) -> Seen | None:
        """The memory that token t's error is taken at, as coefficients; None: the error is -v."""

    def start(self, generator: torch.Generator | None = None) -> Weights:
        """Nothing known: zeros."""
        return (torch.zeros(self.heads, self.key, self.value),)

    def init(self, batch: int, like: Tensor) -> Any:
        """No deviation from the slow start."""
        zero = like.new_zeros(batch, self.heads, self.key, self.value)
        return MemoryWithMomentum(zero, zero) if self.has_momentum else Memory(zero)

    def read(self, state: Any, q: Queries, base: Weights) -> Values:
        """q @ (slow start + deviation)."""
        return q @ (base[0] + state.memory)

    def scan(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, Any]:
        """Full chunks all at once, then what is left over."""
        time = q.shape[-2]
        if time == 1:
            return self.loop(state, q, k, v, gates, base)
        v, slow = v - k @ base[0], q @ base[0]  # the deviation learns what the slow start misses
        whole = time - time % self.chunk
        now, reads = stacked(state.memory, getattr(state, "momentum", None)), []
        for start, end in ((0, whole), (whole, time)):
            if end > start:
                o, now = self._scan(now, *cut(q, k, v, start, end), gates.cut(start, end))
                reads += o
        if not reads:
            return slow, state
        return slow + torch.cat(reads, -2), self._state(now)

    def _scan(
        self, now: Tensor, q: Queries, k: Queries, v: Values, gates: Gates
    ) -> tuple[list[Tensor], Tensor]:
        """Chunks of equal size: reads of each, and the block [M; S] behind the last.

        All that does not hang on the state is made for all chunks at once.
        """
        time = q.shape[-2]
        size = min(self.chunk, time)
        q, k, v = (x.unflatten(-2, (time // size, size)) for x in (q, k, v))
        c = coefficients(gates.each(lambda gate: gate.unflatten(-1, (time // size, size))))
        known, missed = _solve(self.seen(c), k, v)
        asked = rows(q, reading(c))
        both = asked if known is None else torch.cat((asked, known), -2)
        parts = (both, missed, (q @ k.mT) * c.g, fading(c), rows(k, writing(c)))
        reads = []
        for both, e, scores, mix, written in zip(*(x.unbind(2) for x in parts), strict=True):
            found = both @ now
            if known is not None:
                found, more = found.chunk(2, -2)
                e = e - more
            reads.append(plus(found, scores, e))
            now = moved(now, mix, written, e)
        return reads, now

    def _state(self, now: Tensor) -> Any:
        if not self.has_momentum:
            return Memory(now)
        return MemoryWithMomentum(*now.chunk(2, -2))


def _solve(
    seen: Seen | None,
    k: Float[Tensor, "batch head n c key"],
    v: Float[Tensor, "batch head n c value"],
) -> tuple[Tensor | None, Tensor]:
    """What a chunk's tokens miss, as a map of the block before it: E = missed - known @ [M; S].

    e_t = v_t - k_t M_seen(t), and M_seen(t) holds what the tokens before t missed, so E solves
    (I + L) E = V - [beta k, f k] @ [M; S], with L[t, j] = g_seen[t, j] (k_t . k_j) for j < t: the
    WY form of the delta rule, extended to momentum.
    """
    if seen is None:
        return None, v
    beta, f, g = seen
    share = torch.stack((beta,) if f is None else (beta, f), -1)
    with torch.autocast(k.device.type, enabled=False):
        system = (g * (k @ k.mT)).tril(-1)  # the solver takes its diagonal to be one
        eye = torch.eye(system.shape[-1], dtype=system.dtype, device=system.device)
        inverse = torch.linalg.solve_triangular(system, eye, upper=False, unitriangular=True)
    return inverse @ rows(k, share), inverse @ v
