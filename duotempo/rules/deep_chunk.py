"""A chunk of a deep memory: what does not hang on the state, then its steps, reads and writes."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from duotempo.rules.decay import Coefficients, coefficients
from duotempo.rules.deep import Taken, act, steps
from duotempo.rules.gates import Gates
from duotempo.rules.move import faded, scaled, towards, with_share, with_steps
from duotempo.rules.product import plus, through
from duotempo.rules.rule import Weights


@dataclass(frozen=True)
class Chunk:
    """Rows and coefficients of one chunk. `slow` is the first layer's q W_0, None where nothing
    fades; `scores` its (q k^T) g. `fresh` marks tokens behind a document's start, if there is one.
    """

    q: Float[Tensor, "batch head time key"]
    k: Float[Tensor, "batch head time key"]
    v: Float[Tensor, "batch head time value"]
    c: Coefficients
    scores: Float[Tensor, "batch head time time"]
    slow: Float[Tensor, "batch head time hidden"] | None
    fresh: Bool[Tensor, "batch 1 time"] | None

    def steps(self, base: Weights, at: list[Tensor]) -> Taken:
        """Inputs and signals at the weights `at`; behind a document's start at the slow start."""
        inputs, signals = steps(self.k, self.v, at)
        if self.fresh is None:
            return inputs, signals
        anew = steps(self.k, self.v, [w[None] for w in base])
        fresh = self.fresh[..., None]
        inputs, signals = (
            [torch.where(fresh, b, a) for a, b in zip(old, new, strict=True)]
            for old, new in zip((inputs, signals), anew, strict=True)
        )
        return inputs, signals

    def reads(
        self, base: Weights, weights: list[Tensor], surprise: list[Tensor], taken: Taken
    ) -> Float[Tensor, "batch head time value"]:
        """Every token's read of its own weights, layer by layer: of what is left of the chunk's
        start W, beta x W + (1 - beta) x W_0 + f x S, and of the steps of the tokens before it,
        weighed by how alike their inputs are."""
        z, scores, slow = self.q, self.scores, self.slow
        beta = self.c.beta[..., None]
        for i, (x_k, u) in enumerate(zip(*taken, strict=True)):
            x = act(z) if i else z
            if i:
                scores = (x @ x_k.mT) * self.c.g
                slow = None if slow is None else through(x, base[i])
            z = x @ weights[i] if slow is None else plus((1 - beta) * slow, beta * x, weights[i])
            if self.c.f is not None:
                z = plus(z, self.c.f[..., None] * x, surprise[i])
            z = plus(z, scores, u)
        return z

    def moved(
        self, base: Weights, weights: list[Tensor], surprise: list[Tensor], taken: Taken
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Weights and surprise behind the chunk."""
        c, after, going = self.c, [], []
        for i, (x, u) in enumerate(zip(*taken, strict=True)):
            w, fading = weights[i], 1 - c.beta[..., -1, None, None]
            if c.f is None or c.m is None or c.n is None:
                w = w if self.slow is None else towards(w, base[i], fading)
            else:
                share = c.f[..., -1, None, None]
                if self.slow is None:
                    w = with_share(w, surprise[i], share)
                else:
                    w = faded(w, base[i], fading, surprise[i], share)
                s = scaled(surprise[i], c.m[..., -1, None, None])
                going.append(with_steps(s, *_least(x, u, c.n[..., -1, :, None])))
            after.append(with_steps(w, *_least(x, u, c.g[..., -1, :, None])))
        return after, going

    def shares(self) -> Float[Tensor, "batch head 2 column"]:
        """What memory and surprise behind the last token hold of those before the first, and of
        each token's step."""
        c = self.c
        none = torch.zeros_like(c.beta[..., -1:])
        f, m = (none if x is None else x[..., -1:] for x in (c.f, c.m))
        g = c.g[..., -1, :]
        n = g * _newest(g) if c.n is None else c.n[..., -1, :]  # a surprise that does not go on
        memory, surprise = (c.beta[..., -1:], f, g), (none, m, n)
        return torch.stack((torch.cat(memory, -1), torch.cat(surprise, -1)), -2)

    def kept(self, weights: Weights) -> Weights:
        """Nothing of a chunk's start where a document has begun by its end."""
        if self.fresh is None:
            return weights
        begun = self.fresh[..., -1, None, None]
        return tuple(w.masked_fill(begun, 0.0) for w in weights)


def _newest(rows: Tensor) -> Tensor:
    """1 for the last of some tokens, 0 for the others."""
    return torch.arange(1 - rows.shape[-1], 1, device=rows.device) == 0


def _least(x: Tensor, u: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and signals, the narrower of them weighed."""
    return (x, share * u) if u.shape[-1] < x.shape[-1] else (share * x, u)


def chunks(
    q: Float[Tensor, "batch head time key"],
    k: Float[Tensor, "batch head time key"],
    v: Float[Tensor, "batch head time value"],
    gates: Gates,
    first: Float[Tensor, "head key hidden"],
    size: int,
) -> list[Chunk]:
    """All chunks of `size` tokens, with what can be made for all of them at once."""
    fades = gates.keep is not None or gates.starts is not None
    slow = through(q, first).unflatten(-2, (-1, size)).unbind(2) if fades else None
    q, k, v = (x.unflatten(-2, (-1, size)) for x in (q, k, v))
    c = coefficients(gates.each(lambda gate: gate.unflatten(-1, (-1, size))))
    scores = ((q @ k.mT) * c.g).unbind(2)
    rows = zip(q.unbind(2), k.unbind(2), v.unbind(2), c.unbind(2), scores, strict=True)
    fresh = None if c.fresh is None else c.fresh.unbind(2)
    return [
        Chunk(*row, None if slow is None else slow[i], None if fresh is None else fresh[i])
        for i, row in enumerate(rows)
    ]
