"""Direct attribution: the margin as a sum over what each place wrote, or a refusal."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.flow.probe import Question
from duotempo.flow.subject import Final, Trace

Vector = Float[Tensor, " width"]
TIGHT, LOOSE = 1e-3, 1e-2
"""How far a sum may be off, of max(1, |margin|): in single precision, in half."""


@dataclass(frozen=True)
class Direction:
    """The margin as a linear function of the last stream: direction . stream + constant.

    `fits` is false where the last norm is none that a frozen scale makes linear.
    """

    vector: Vector
    constant: float
    fits: bool


@dataclass(frozen=True)
class Direct:
    """What each place adds to the margin, what comes from biases, and the model's own margin."""

    places: Float[Tensor, " write"]
    constant: float
    margin: float
    direction: Direction

    @property
    def error(self) -> float:
        """How far the sum is off, as a share of max(1, |margin|)."""
        total = float(self.places.sum()) + self.constant
        return abs(self.margin - total) / max(1.0, abs(self.margin))

    @property
    def sound(self) -> bool:
        """True when the parts may be shown: they sum to the margin."""
        limit = LOOSE if self.direction.vector.dtype.itemsize < 4 else TIGHT
        return self.direction.fits and self.error <= limit


def direct(final: Final, trace: Trace, question: Question) -> Direct:
    """What each write of a run added to the margin at its last token, the scale of the last norm
    held as it was there.

    This says who wrote the answer's direction, not who knew it: a relay takes the credit of what
    it passes on. Source: Elhage et al. 2021, A Mathematical Framework for Transformer Circuits.
    """
    logits = trace.logits[-1]
    toward = direction(final, trace.streams[-1, -1], question.weights(logits))
    places = trace.writes[:, -1].to(toward.vector) @ toward.vector
    return Direct(places, toward.constant, question.margin(logits), toward)


def direction(final: Final, stream: Vector, weights: Float[Tensor, " vocab"]) -> Direction:
    """Which way in the stream raises a weighted sum of logits, near a stream as it is.

    The last norm is taken to be g * (x - c mean(x)) * s(x) + b, with c 0 (RMSNorm) or 1
    (LayerNorm). g, b and c are found by asking it, s by fitting what it gives, so that no class of
    norm need be known; whether that form fits is said.
    """
    gain, bias, centred = _form(final.norm, stream)
    shown = final.norm(stream[None])[0] - bias
    x = gain * (stream - stream.mean() if centred else stream)
    scale = (shown @ x) / (x @ x).clamp_min(torch.finfo(x.dtype).tiny)
    off = (shown - scale * x).abs().max() / shown.abs().max().clamp_min(1e-6)
    used = weights.nonzero()[:, 0]
    row = weights[used].to(final.weight) @ final.weight[used]
    constant = float(bias @ row)
    if final.bias is not None:
        constant += float(weights[used].to(final.bias) @ final.bias[used])
    vector = scale * gain * row
    vector = vector - vector.mean() if centred else vector
    return Direction(vector, constant, bool(off <= LOOSE))


def _form(norm: Callable[[Tensor], Tensor], like: Vector) -> tuple[Vector, Vector, bool]:
    """Gain (up to a factor), bias, and whether the mean is taken away."""
    probe = torch.ones_like(like)
    probe[1::2] = -1
    if len(like) % 2:
        probe[-3:] = probe.new_tensor((1.0, 1.0, -2.0))  # the mean must be zero
    up, down, moved = norm(torch.stack((probe, -probe, probe + 2)))
    gain, bias = (up - down) / 2 / probe, (up + down) / 2
    centred = torch.allclose(moved, up, rtol=LOOSE, atol=LOOSE * float(up.abs().max()))
    return gain, bias, centred
