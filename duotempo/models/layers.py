"""Small layers that every native model is made of: convolution with a tail, rotation, gated MLP."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import conv1d


class Norm(nn.RMSNorm):
    """Root mean square normalisation in the precision of its weight: under autocast a sum of
    squares in bf16 would lose what it is made of."""

    def __init__(self, width: int) -> None:
        super().__init__(width, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        """Each row at length sqrt(width), scaled by the weight."""
        return super().forward(x.to(self.weight.dtype))


class Conv(nn.Module):
    """Causal depthwise convolution over time that carries its tail (Titans, section 4.4).

    y_t = sum over i of w_i x_{t - i * dilation}; what stood before the stream is zero. Starts as
    the identity and a little of what came before.
    """

    def __init__(self, width: int, kernel: int = 4, dilation: int = 1) -> None:
        super().__init__()
        self.kernel, self.dilation = kernel, dilation
        weight = torch.randn(kernel, width) * 0.2
        weight[0] += 1
        self.weight = nn.Parameter(weight)

    @property
    def reach(self) -> int:
        """How many earlier tokens it sees."""
        return (self.kernel - 1) * self.dilation

    def init(self, batch: int, like: Tensor) -> Float[Tensor, "batch reach width"]:
        """The tail of a stream that has not begun."""
        return like.new_zeros(batch, self.reach, self.weight.shape[1])

    def forward(
        self, x: Float[Tensor, "batch time width"], tail: Float[Tensor, "batch reach width"]
    ) -> tuple[Float[Tensor, "batch time width"], Float[Tensor, "batch reach width"]]:
        """The convolved piece, and the tail to carry on."""
        past = torch.cat((tail, x), 1)
        if x.shape[1] == 1:  # the library's kernel is made for long pieces
            y = (past[:, :: self.dilation] * self.weight.flip(0)).sum(1, keepdim=True)
            return y, past[:, 1:]
        taps = self.weight.flip(0).t()[:, None]
        with torch.autocast(x.device.type, enabled=False):
            y = conv1d(past.mT, taps, dilation=self.dilation, groups=taps.shape[0])
        return y.mT, past[:, past.shape[1] - self.reach :]


class Rotary(nn.Module):
    """Rotary positions. Angles are taken in float64: at token 2,000,000 a float32 angle is off by
    a tenth of a radian."""

    def __init__(self, size: int, base: float = 10_000.0) -> None:
        super().__init__()
        self.size, self.base = size, base

    def forward(
        self, x: Float[Tensor, "batch head time size"], position: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch head time size"]:
        """`x` turned by its positions, the first of them `position`."""
        half = torch.arange(0, self.size, 2, dtype=torch.float64, device=x.device)
        place = position[:, None] + torch.arange(x.shape[-2], device=x.device)
        angle = place[:, None, :, None] * self.base ** (-half / self.size)
        cos, sin = angle.cos().to(x.dtype), angle.sin().to(x.dtype)
        a, b = x.chunk(2, -1)
        return torch.cat((a * cos - b * sin, a * sin + b * cos), -1)


class PairEmbedding(nn.Embedding):
    """Token t is the pair (t // n, t % n); its embedding is the sum of its parts'."""

    def __init__(self, parts: tuple[int, int], width: int) -> None:
        super().__init__(sum(parts), width)
        self.parts = parts

    def forward(self, input: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time width"]:
        """The sum of two rows for each token."""
        first, second = self.parts
        rows = super().forward
        return rows(input // second) + rows(first + input % second)


def embedding(vocab: int, width: int, parts: tuple[int, int] | None) -> nn.Embedding:
    """One row a token, or one a part of it."""
    return nn.Embedding(vocab, width) if parts is None else PairEmbedding(parts, width)


class GatedMLP(nn.Module):
    """SwiGLU: (silu(x U) * x V) W."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, 2 * hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        """The transformed tokens."""
        gate, value = self.up(x).chunk(2, -1)
        return self.down(nn.functional.silu(gate) * value)


def heads(
    x: Float[Tensor, "batch time width"], count: int
) -> Float[Tensor, "batch head time size"]:
    """Split the width into heads."""
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


def merged(x: Float[Tensor, "batch head time size"]) -> Float[Tensor, "batch time width"]:
    """Put the heads side by side again."""
    return x.transpose(1, 2).flatten(-2)
