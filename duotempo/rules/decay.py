"""The one place where products of decays and momenta are made: in logs, never by a division."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from duotempo.rules.gates import Gates


@dataclass(frozen=True)
class Coefficients:
    """What is left at token t of what was there before and of what token j <= t wrote.

    With g_j the gradient at token j (Titans, eq. 13-14, unrolled over a chunk):

        S_t = m_t S_0 - sum_j n[t, j] g_j        M_t = beta_t M_0 + f_t S_0 - sum_j g[t, j] g_j

    All are products of numbers in [0, 1] (times a step), so nothing overflows. Shapes: vectors
    [... time], matrices [... time time], zero above the diagonal and across a document's start.
    `f`, `m` and `n` are None without momentum.
    """

    beta: Tensor
    g: Tensor
    same: Bool[Tensor, "... time time"]
    fresh: Bool[Tensor, "... time"] | None
    f: Tensor | None = None
    m: Tensor | None = None
    n: Tensor | None = None

    def unbind(self, dim: int) -> "list[Coefficients]":
        """One for each chunk, when made for many; `same` and `fresh` stay behind."""
        parts = (self.beta, self.g, self.f, self.m, self.n)
        columns = [None if x is None else x.unbind(dim) for x in parts]
        each = zip(*(x or [None] * self.beta.shape[dim] for x in columns), strict=True)
        return [Coefficients(b, g, self.same, None, f, m, n) for b, g, f, m, n in each]

    def before(self) -> "tuple[Tensor, Tensor | None, Tensor]":
        """`beta`, `f` and `g` of the memory that token t finds: that of token t - 1."""
        beta = _shifted(self.beta, 1.0)
        f = None if self.f is None else _shifted(self.f, 0.0)
        g = torch.nn.functional.pad(self.g[..., :-1, :], (0, 0, 1, 0))
        if self.fresh is None:
            return beta, f, g
        beta = beta.masked_fill(self.fresh, 0.0)
        f = None if f is None else f.masked_fill(self.fresh, 0.0)
        return beta, f, g.masked_fill(~self.same, 0.0)


def coefficients(gates: Gates) -> Coefficients:
    """The coefficients of one chunk, or of many at once when gates are shaped [... time]."""
    gates = gates.settled()
    with torch.autocast(gates.step.device.type, enabled=False):  # in bf16 small decays are lost
        return _coefficients(gates)


def _coefficients(gates: Gates) -> Coefficients:
    time = gates.step.shape[-1]
    same = torch.ones(time, time, dtype=torch.bool, device=gates.step.device).tril()
    fresh = None
    if gates.starts is not None:
        document = gates.starts[:, None].cumsum(-1)
        same = same & (document[..., :, None] == document[..., None, :])
        fresh = document > 0
    decays = products(gates.keep, same, gates.step)
    beta = kept(gates.keep, fresh, gates.step)
    if gates.momentum is None:
        return Coefficients(beta, decays * gates.step[..., None, :], same, fresh)
    if gates.pads is not None:
        decays = decays.masked_fill(gates.pads[:, None, ..., None, :], 0.0)
    n = products(gates.momentum, same, gates.step) * gates.step[..., None, :]
    m = kept(gates.momentum, fresh, gates.step)
    f = (decays @ m[..., None])[..., 0]
    return Coefficients(beta, decays @ n, same, fresh, f, m, n)


def products(
    log: Float[Tensor, "... time"] | None, same: Bool[Tensor, "... time time"], like: Tensor
) -> Float[Tensor, "... time time"]:
    """p[t, j] = product of the factors j+1 .. t where `same`, else 0 (no log: all factors 1)."""
    if log is None:
        return same.to(like.dtype).expand(*like.shape, like.shape[-1])
    total = log.cumsum(-1)
    between = total[..., :, None] - total[..., None, :]
    return between.masked_fill(~same, float("-inf")).exp()


def kept(
    log: Float[Tensor, "... time"] | None, fresh: Bool[Tensor, "... time"] | None, like: Tensor
) -> Float[Tensor, "... time"]:
    """Product of all factors up to t: what is left of the state before the chunk."""
    left = torch.ones_like(like) if log is None else log.cumsum(-1).exp()
    return left if fresh is None else left.masked_fill(fresh, 0.0)


def _shifted(x: Tensor, first: float) -> Tensor:
    return torch.nn.functional.pad(x[..., :-1], (1, 0), value=first)
