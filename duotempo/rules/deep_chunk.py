"""A chunk of a deep memory: what does not hang on the state, then its steps, reads and writes."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from duotempo.rules.decay import coefficients
from duotempo.rules.deep import act, added, steps
from duotempo.rules.gates import Gates
from duotempo.rules.product import plus, through
from duotempo.rules.rule import Weights
from duotempo.rules.stack import fading, moved, reading, rows, writing


@dataclass(frozen=True)
class Chunk:
    """Rows and coefficients of one chunk; `slow` and `scores` are the first layer's q W_0 and
    (q k^T) g. `fresh` marks tokens behind a document's start (None: there is none)."""

    q: Float[Tensor, "batch head time key"]
    k: Float[Tensor, "batch head time key"]
    v: Float[Tensor, "batch head time value"]
    slow: Float[Tensor, "batch head time hidden"]
    scores: Float[Tensor, "batch head time time"]
    g: Float[Tensor, "batch head time time"]
    reading: Float[Tensor, "batch head time parts"]
    writing: Float[Tensor, "batch head time parts"]
    fading: Float[Tensor, "batch head parts parts"]
    fresh: Bool[Tensor, "batch 1 time"] | None

    def steps(self, base: Weights, reference: Weights) -> tuple[list[Tensor], list[Tensor]]:
        """Inputs and signals at the reference; behind a document's start at the slow start."""
        inputs, signals = steps(self.k, self.v, added(base, reference))
        if self.fresh is None:
            return inputs, signals
        anew = steps(self.k, self.v, tuple(w[None] for w in base))
        fresh = self.fresh[..., None]
        inputs, signals = (
            [torch.where(fresh, b, a) for a, b in zip(old, new, strict=True)]
            for old, new in zip((inputs, signals), anew, strict=True)
        )
        return inputs, signals

    def reads(
        self, base: Weights, now: list[Tensor], inputs: list[Tensor], signals: list[Tensor]
    ) -> Float[Tensor, "batch head time value"]:
        """Every token's read of its own weights M_t, layer by layer: x W_0 + beta x D + f x S and
        the steps of the tokens before it, weighed by how alike their inputs are."""
        x, z, scores = self.q, self.slow, self.scores
        for i, block in enumerate(now):
            if i:
                x = act(z)
                z, scores = through(x, base[i]), (x @ inputs[i].mT) * self.g
            z = plus(plus(z, rows(x, self.reading), block), scores, signals[i])
        return z

    def moved(self, now: list[Tensor], inputs: list[Tensor], signals: list[Tensor]) -> list[Tensor]:
        """Memory and surprise of each layer behind the chunk."""
        layers = zip(now, inputs, signals, strict=True)
        return [moved(block, self.fading, rows(x, self.writing), u) for block, x, u in layers]

    def kept(self, reference: Weights) -> Weights:
        """Nothing of the reference where a document has begun by the chunk's end."""
        if self.fresh is None:
            return reference
        begun = self.fresh[..., -1, None, None]
        return tuple(w.masked_fill(begun, 0.0) for w in reference)


def chunks(
    q: Float[Tensor, "batch head time key"],
    k: Float[Tensor, "batch head time key"],
    v: Float[Tensor, "batch head time value"],
    gates: Gates,
    first: Float[Tensor, "head key hidden"],
    size: int,
) -> list[Chunk]:
    """All chunks of `size` tokens, with what can be made for all of them at once."""
    parts = [x.unflatten(-2, (-1, size)) for x in (q, k, v, through(q, first))]
    c = coefficients(gates.each(lambda gate: gate.unflatten(-1, (-1, size))))
    parts += [(parts[0] @ parts[1].mT) * c.g, c.g, reading(c), writing(c), fading(c)]
    columns = [x.unbind(2) for x in parts]
    fresh = [None] * len(columns[0]) if c.fresh is None else c.fresh.unbind(2)
    return [Chunk(*one) for one in zip(*columns, fresh, strict=True)]
