"""Linear memories in chunks: all chunks' coefficients at once, one triangular solve a chunk."""

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
        v, slow = v - k @ base[0], q @ base[0]  # the deviation learns what the slow start misses
        time = q.shape[-2]
        whole = time - time % self.chunk
        reads = []
        for start, end in ((0, whole), (whole, time)):
            if end > start:
                o, state = self._scan(state, *cut(q, k, v, start, end), gates.cut(start, end))
                reads.append(o)
        return slow + torch.cat(reads, -2) if reads else slow, state

    def _scan(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates
    ) -> tuple[Values, Any]:
        time = q.shape[-2]
        size = min(self.chunk, time)
        q, k, v = (x.unflatten(-2, (time // size, size)) for x in (q, k, v))
        c = coefficients(gates.each(lambda gate: gate.unflatten(-1, (time // size, size))))
        solved = _solve(self.seen(c), k, v)
        starts, errors, state = _carry(state, c, k, solved)
        scores = (q @ k.mT) * c.g
        rows = c.beta[..., None] * q
        if c.f is not None:
            rows = torch.cat((rows, c.f[..., None] * q), -1)
        return (rows @ starts - scores @ errors).flatten(-3, -2), state


def _solve(
    seen: Seen | None,
    k: Float[Tensor, "batch head n c key"],
    v: Float[Tensor, "batch head n c value"],
) -> tuple[Tensor | None, Tensor]:
    """The errors of a chunk as a map of the state before it: E = rows @ state - values.

    e_t = k_t M_seen(t) - v_t, and M_seen(t) holds the errors of the tokens before t, so E solves
    (I + L) E = [beta k, f k] @ state - V, with L[t, j] = g_seen[t, j] (k_t . k_j) for j < t: the WY
    form of the delta rule, extended to momentum.
    """
    if seen is None:
        return None, v
    beta, f, g = seen
    sides = [beta[..., None] * k, v] if f is None else [beta[..., None] * k, f[..., None] * k, v]
    with torch.autocast(k.device.type, enabled=False):
        system = (g * (k @ k.mT)).tril(-1)  # the solver takes its diagonal to be one
        sides = torch.cat(sides, -1).to(system.dtype)
        solved = torch.linalg.solve_triangular(system, sides, upper=False, unitriangular=True)
    rows = solved.shape[-1] - v.shape[-1]
    return solved[..., :rows], solved[..., rows:]


def _carry(
    state: Any, c: Coefficients, k: Tensor, solved: tuple[Tensor | None, Tensor]
) -> tuple[Tensor, Tensor, Any]:
    """Run the state through the chunks: states before each, errors in each, the state after.

    Memory and surprise are one block of rows, [M; S]; over a chunk it is mixed by a matrix of the
    coefficients and takes up the chunk's errors.
    """
    rows, values = solved
    now, lasts, mix = state.memory, c.g[..., -1, :, None] * k, c.beta[..., -1, None, None]
    if c.f is not None and c.m is not None and c.n is not None:
        now = torch.cat((now, state.momentum), -2)
        lasts = torch.cat((lasts, c.n[..., -1, :, None] * k), -1)
        above = torch.cat((mix, c.f[..., -1, None, None]), -1)
        below = torch.nn.functional.pad(c.m[..., -1, None, None], (1, 0))
        mix = torch.cat((above, below), -2)
    lasts, shape = lasts.mT, now.shape
    starts, errors = [], []
    for i in range(k.shape[2]):
        starts.append(now)
        e = -values[:, :, i] if rows is None else plus(-values[:, :, i], rows[:, :, i], now)
        errors.append(e)
        mixed = mix[:, :, i] @ now.reshape(*shape[:2], mix.shape[-1], -1)
        now = plus(mixed.view(shape), lasts[:, :, i], -e)
    after = Memory(now) if c.f is None else MemoryWithMomentum(*now.chunk(2, -2))
    return torch.stack(starts, 2), torch.stack(errors, 2), after
