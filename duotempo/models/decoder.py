"""The native decoder: `logits, state = model(tokens, state)`, cut a stream wherever you like."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.utils._pytree import register_dataclass, tree_leaves

from duotempo.core import UserError
from duotempo.models.blocks import BLOCKS, Block, BlockState
from duotempo.models.layers import Norm, embedding
from duotempo.models.piece import Piece
from duotempo.models.shape import Shape
from duotempo.models.starts import begin


@dataclass(frozen=True)
class State:
    """All that a decoder remembers of a stream: how many tokens it read, and its blocks' states."""

    position: Int[Tensor, " batch"]
    blocks: tuple[BlockState, ...]

    @property
    def bytes(self) -> int:
        """Size of all tensors together, in bytes."""
        return sum(leaf.numel() * leaf.element_size() for leaf in tree_leaves(self))


register_dataclass(State)


class Decoder(nn.Module):
    """Embedding, the blocks of a layout, a norm and a head."""

    def __init__(self, config: Shape) -> None:
        super().__init__()
        self.config = config
        self.embedding = embedding(config.vocab, config.width, config.parts)
        self.blocks = nn.ModuleList(BLOCKS[kind](config) for kind in config.layout)
        self.norm = Norm(config.width)
        self.head = nn.Linear(config.width, config.vocab, bias=False)
        nn.init.normal_(self.embedding.weight, std=0.5)
        begin(self, config.start)

    def beside(self) -> Mapping[str, Mapping[str, Any]]:
        """Further JSON files that belong into this model's folder, by name: none."""
        return {}

    def stored(self, position: int) -> State:
        """What a saved stream looks like that has read so many tokens, but for caches that grow."""
        return Decoder.init(self, 1)

    def init(self, batch: int) -> State:
        """The state of `batch` streams that have not begun."""
        like = self.embedding.weight
        position = torch.zeros(batch, dtype=torch.int64, device=like.device)
        return State(position, tuple(cast(Block, block).init(batch, like) for block in self.blocks))

    def forward(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> tuple[Float[Tensor, "batch time vocab"], State]:
        """Logits of the token after each, and the state to go on from.

        `pads` marks places where no token stands: they change nothing, and only the first of a
        stream may be pads, so that positions and chunks go on undisturbed. Raises `UserError` for
        tokens that are no indices or lie outside of the vocabulary.
        """
        features, state = self.features(tokens, state, pads)
        return self.head(features), state

    def features(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> tuple[Float[Tensor, "batch time width"], State]:
        """As `forward`, before the head: all that reading needs, without the cost of logits."""
        state, piece = self._begin(tokens, state, pads)
        x, blocks = self._through(self.blocks, piece, state)
        return self.norm(x), State(state.position + tokens.shape[1], blocks)

    def read(
        self,
        tokens: Int[Tensor, "batch time"],
        state: State | None = None,
        pads: Bool[Tensor, "batch time"] | None = None,
    ) -> State:
        """The state after the tokens, as `forward` would leave it, without logits: the last block
        only takes in, which makes reading about twice as fast where its memory seldom writes."""
        state, piece = self._begin(tokens, state, pads)
        x, blocks = self._through(self.blocks[:-1], piece, state)
        last = cast(Block, self.blocks[-1]).take(x, piece, state.blocks[-1])
        return State(state.position + tokens.shape[1], (*blocks, last))

    def _begin(
        self, tokens: Tensor, state: State | None, pads: Tensor | None
    ) -> tuple[State, Piece]:
        self._check(tokens, state)
        state = self.init(tokens.shape[0]) if state is None else state
        return state, Piece(state.position, self.embedding(tokens), pads)

    def _through(
        self, blocks: nn.ModuleList, piece: Piece, state: State
    ) -> tuple[Tensor, tuple[BlockState, ...]]:
        """The stream after some blocks, from the bottom up, and their states."""
        x, states = piece.shown(piece.embedded), []
        for block, before in zip(blocks, state.blocks, strict=False):
            x, after = block(x, piece, before)
            states.append(after)
        return x, tuple(states)

    def _check(self, tokens: Tensor, state: State | None) -> None:
        if tokens.dtype not in (torch.int64, torch.int32) or tokens.ndim != 2:
            raise UserError(
                f"tokens are {tokens.dtype} of shape {tuple(tokens.shape)}: give whole numbers "
                "(int64) of shape [batch, time]"
            )
        if tokens.numel() and not 0 <= int(tokens.min()) <= int(tokens.max()) < self.config.vocab:
            raise UserError(
                f"a token lies outside of the vocabulary of {self.config.vocab}: "
                "use the tokenizer this model was trained with"
            )
        if state is not None and state.position.shape[0] != tokens.shape[0]:
            raise UserError(
                f"the state is of {state.position.shape[0]} streams and the tokens of "
                f"{tokens.shape[0]}: give as many rows as the state has"
            )
