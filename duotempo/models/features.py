"""What keys, queries and values are made of: projections through short convolutions."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from duotempo.models.layers import Conv
from duotempo.models.piece import Piece

Tokens = Float[Tensor, "batch time width"]


class Features(nn.Module):
    """One or more projections of the tokens, each through its own convolution, and their product.

    The dot product of two such features is a sum over coincidences: with two factors a key matches
    a query only where both of its views do, which tells near-equal contexts apart.
    """

    def __init__(
        self, width: int, inner: int, kernel: int, dilation: int, factors: int = 1
    ) -> None:
        super().__init__()
        self.maps = nn.ModuleList(nn.Linear(width, inner, bias=False) for _ in range(factors))
        wide = range(factors if kernel > 1 else 0)
        self.convs = nn.ModuleList(Conv(inner, kernel, dilation) for _ in wide)

    @property
    def weight(self) -> Tensor:
        """The first projection's matrix."""
        return cast(nn.Linear, self.maps[0]).weight

    @property
    def reach(self) -> int:
        """How many earlier tokens a feature is made of."""
        return max((cast(Conv, conv).reach for conv in self.convs), default=0)

    def init(self, batch: int, like: Tensor) -> tuple[Tensor, ...]:
        """The tails of a stream that has not begun."""
        return tuple(cast(Conv, conv).init(batch, like) for conv in self.convs)

    def forward(
        self, x: Tokens, piece: Piece, tails: tuple[Tensor, ...]
    ) -> tuple[Float[Tensor, "batch time inner"], tuple[Tensor, ...]]:
        """The features, zero where a pad stands, and the tails to carry on."""
        product, carried = None, []
        for i, project in enumerate(self.maps):
            u = piece.shown(project(x))
            if self.convs:
                u, tail = self.convs[i](u.to(tails[i].dtype), tails[i])
                carried.append(tail)
            product = u if product is None else product * u
        assert product is not None
        return piece.shown(product), tuple(carried)

    @torch.no_grad()
    def begin_hashing(self, fades: tuple[float, ...] = (0.8, 1.0)) -> None:
        """Random signs over the last tokens, the factors fading at different rates: a hash of what
        came before, by which equal contexts meet and others do not."""
        for i, conv in enumerate(self.convs):
            weight = cast(Conv, conv).weight
            signs = torch.randint_like(weight, 2) * 2 - 1
            signs[0] = 1
            fade = torch.tensor(fades[i % len(fades)]) ** torch.arange(len(weight))
            weight.copy_(signs * fade[:, None])
