"""A piece of a stream as layers see it: where it stands, and which of its tokens are pads."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


@dataclass(frozen=True)
class Piece:
    """What all layers share while a model reads one piece.

    `position` is the index in the stream of the piece's first token, `embedded` the tokens'
    embeddings, `pads` the tokens that are not there (None: all are). With `both_ways` attention
    sees later tokens of the piece too: for a text that is known already.
    """

    position: Int[Tensor, " batch"]
    embedded: Float[Tensor, "batch time width"]
    pads: Bool[Tensor, "batch time"] | None = None
    both_ways: bool = False

    @property
    def time(self) -> int:
        """How many tokens the piece has."""
        return self.embedded.shape[1]

    def shown(self, x: Float[Tensor, "batch time some"]) -> Float[Tensor, "batch time some"]:
        """`x` with zeros where a pad stands."""
        return x if self.pads is None else x.masked_fill(self.pads[..., None], 0.0)

    def valid(self) -> Bool[Tensor, "batch time"]:
        """True where a token stands."""
        if self.pads is not None:
            return ~self.pads
        return torch.ones(self.embedded.shape[:2], dtype=torch.bool, device=self.embedded.device)

    def cut(self, start: int, end: int) -> "Piece":
        """The piece from token `start` up to `end`."""
        pads = None if self.pads is None else self.pads[:, start:end]
        return replace(
            self, position=self.position + start, embedded=self.embedded[:, start:end], pads=pads
        )
