"""The blocks of a native model: attention, memory, and the three ways Titans joins them."""

from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor, nn
from torch.utils._pytree import register_dataclass

from duotempo.models.attention import Attention
from duotempo.models.latent_attention import LatentAttention
from duotempo.models.layers import Conv, GatedMLP, Norm
from duotempo.models.mac import MemoryAsContext
from duotempo.models.memory import NeuralMemory
from duotempo.models.piece import Piece
from duotempo.models.shape import Shape

Tokens = Float[Tensor, "batch time width"]


@dataclass(frozen=True)
class BlockState:
    """A block's fast state: its mixer's parts and the tail of its input convolution, if any."""

    parts: tuple[Any, ...]
    tails: tuple[Tensor, ...]


register_dataclass(BlockState)


class Join(nn.Module):
    """How an attention's output and a memory's become one: y (x) m.

    `gate` normalises both with learned vectors and lets the memory gate the attention through a
    non-linearity (Titans, eq. 28; the paper names the parts, not the function: a sigmoid here).
    `add` sums them.
    """

    def __init__(self, config: Shape) -> None:
        super().__init__()
        gated = config.combine == "gate"
        names = ("attention", "memory") if gated else ()
        self.norms = nn.ModuleDict({name: Norm(config.width) for name in names})

    def forward(self, y: Tokens, m: Tokens) -> Tokens:
        """Both as one."""
        if not self.norms:
            return y + m
        return self.norms["attention"](y) * 2 * self.norms["memory"](m).sigmoid()


def convolved(
    conv: Conv | None, h: Tokens, piece: Piece, tails: tuple[Tensor, ...]
) -> tuple[Tokens, tuple[Tensor, ...]]:
    """h through a convolution if there is one, and the tail to carry on."""
    if conv is None:
        return h, ()
    h, tail = conv(piece.shown(h).to(tails[0].dtype), tails[0])
    return h, (tail,)


class Block(nn.Module):
    """x + mixer(norm(x)), then x + MLP(norm(x)). `mix` is what the kinds of block differ in."""

    def __init__(self, config: Shape) -> None:
        super().__init__()
        width = config.width
        self.norm, self.norm_mlp = Norm(width), Norm(width)
        self.conv = Conv(width, config.block_conv) if config.block_conv > 1 else None
        self.mlp = GatedMLP(width, config.ff)

    def parts(self) -> tuple[Any, ...]:
        """The layers of this block that carry a state, in the order that `mix` uses."""
        raise NotImplementedError

    def mix(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Tokens, tuple[Any, ...]]:
        """What is added to the stream x, given the normalised h, and the parts' states after."""
        raise NotImplementedError

    def init(self, batch: int, like: Tensor) -> BlockState:
        """The state of a stream that has not begun."""
        tails = () if self.conv is None else (self.conv.init(batch, like),)
        return BlockState(tuple(part.init(batch, like) for part in self.parts()), tails)

    def take_parts(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """The parts' states that `mix` would leave; overridden where they come cheaper alone."""
        return self.mix(h, x, piece, parts)[1]

    def forward(self, x: Tokens, piece: Piece, state: BlockState) -> tuple[Tokens, BlockState]:
        """The stream after this block."""
        if piece.time == 0:
            return x, state
        h, tails = self._entered(x, piece, state)
        y, parts = self.mix(h, x, piece, state.parts)
        x = x + y
        return x + self.mlp(self.norm_mlp(x)), BlockState(parts, tails)

    def take(self, x: Tokens, piece: Piece, state: BlockState) -> BlockState:
        """The state that `forward` would leave, without the stream after it."""
        if piece.time == 0:
            return state
        h, tails = self._entered(x, piece, state)
        return BlockState(self.take_parts(h, x, piece, state.parts), tails)

    def _entered(
        self, x: Tokens, piece: Piece, state: BlockState
    ) -> tuple[Tokens, tuple[Tensor, ...]]:
        """The normalised, convolved input of the mixer, and the convolution's tail."""
        return convolved(self.conv, self.norm(x), piece, state.tails)


class AttentionBlock(Block):
    """Attention alone: with a window the short-term half, without one the usual transformer."""

    def __init__(self, config: Shape) -> None:
        super().__init__(config)
        self.attention = Attention(config.width, config.heads, config.window, config.persistent)

    def parts(self) -> tuple[Any, ...]:
        """One attention."""
        return (self.attention,)

    def mix(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Tokens, tuple[Any, ...]]:
        """What the window shows."""
        y, state = self.attention(h, piece, parts[0])
        return y, (state,)


class MemoryBlock(Block):
    """LMM: the memory alone (Titans, end of section 4.3)."""

    def __init__(self, config: Shape) -> None:
        super().__init__(config)
        self.memory = NeuralMemory(config.width, config.memory, config.checkpoint)

    def parts(self) -> tuple[Any, ...]:
        """One memory."""
        return (self.memory,)

    def mix(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Tokens, tuple[Any, ...]]:
        """What the memory answers."""
        y, state = self.memory(h, piece, parts[0])
        return y, (state,)

    def take_parts(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Written, not read."""
        return (self.memory.take(h, piece, parts[0]),)


class GateBlock(Block):
    """MAG: window attention and memory side by side, o = y (x) M(x) (Titans, eq. 26-28).

    With `above` the memory reads x + y instead of x, so that its keys and gates know what
    attention has brought together.
    """

    def __init__(self, config: Shape) -> None:
        super().__init__(config)
        self.attention = Attention(config.width, config.heads, config.window, config.persistent)
        self.memory = NeuralMemory(config.width, config.memory, config.checkpoint)
        self.join = Join(config)
        self.norm_above = Norm(config.width) if config.above else None
        above = config.above and config.block_conv > 1
        self.conv_above = Conv(config.width, config.block_conv) if above else None

    def parts(self) -> tuple[Any, ...]:
        """Attention, memory, and the convolution between them if there is one."""
        both = (self.attention, self.memory)
        return both if self.conv_above is None else (*both, self.conv_above)

    def mix(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Tokens, tuple[Any, ...]]:
        """Both, joined."""
        y, attention = self.attention(h, piece, parts[0])
        h, tails = self._risen(h, x + y, piece, parts[2:])
        m, memory = self.memory(h, piece, parts[1])
        return self.join(y, m), (attention, memory, *tails)

    def take_parts(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Any, ...]:
        """Attention for its cache and for what the memory sees above it; written, not read."""
        y, attention = self.attention(h, piece, parts[0])
        h, tails = self._risen(h, x + y, piece, parts[2:])
        return (attention, self.memory.take(h, piece, parts[1]), *tails)

    def _risen(
        self, h: Tokens, x: Tokens, piece: Piece, tails: tuple[Tensor, ...]
    ) -> tuple[Tokens, tuple[Tensor, ...]]:
        """What the memory sees: h, or with `above` the normalised x + y."""
        if self.norm_above is None:
            return h, ()
        return convolved(self.conv_above, self.norm_above(x), piece, tails)


class LayerBlock(Block):
    """MAL: the memory first, attention on what it gives (Titans, eq. 29-31).

    As printed attention sees the memory's output alone; with `add` it sees x + M(x).
    """

    def __init__(self, config: Shape) -> None:
        super().__init__(config)
        self.memory = NeuralMemory(config.width, config.memory, config.checkpoint)
        self.attention = Attention(config.width, config.heads, config.window, config.persistent)
        self.between = Norm(config.width)
        self.adds = config.combine == "add"

    def parts(self) -> tuple[Any, ...]:
        """Memory, attention."""
        return (self.memory, self.attention)

    def mix(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Tokens, tuple[Any, ...]]:
        """One after the other."""
        m, memory = self.memory(h, piece, parts[0])
        y, attention = self.attention(self.between(x + m if self.adds else m), piece, parts[1])
        return y + m if self.adds else y, (memory, attention)


class ContextBlock(Block):
    """MAC: what the memory recalls is context for the segment's attention (Titans, eq. 21-25)."""

    def __init__(self, config: Shape) -> None:
        super().__init__(config)
        self.context = MemoryAsContext(config, Join(config))

    def parts(self) -> tuple[Any, ...]:
        """One layer that does it all: its parts work segment by segment."""
        return (self.context,)

    def mix(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Tokens, tuple[Any, ...]]:
        """Segment by segment."""
        y, state = self.context(h, piece, parts[0])
        return y, (state,)


class LatentBlock(Block):
    """LTM: window attention, then what latent vectors answer; who fits them sets the second part.

    `models/latent.py` does; without it they stay at the prior's mean.
    """

    def __init__(self, config: Shape) -> None:
        super().__init__(config)
        self.attention = Attention(config.width, config.heads, config.window, config.persistent)
        self.norm_latent = Norm(config.width)
        self.latent = LatentAttention(config.width, config.heads, config.latents)

    def parts(self) -> tuple[Any, ...]:
        """Attention, latent vectors."""
        return (self.attention, self.latent)

    def mix(
        self, h: Tokens, x: Tokens, piece: Piece, parts: tuple[Any, ...]
    ) -> tuple[Tokens, tuple[Any, ...]]:
        """One after the other; reading leaves the vectors as they are."""
        y, attention = self.attention(h, piece, parts[0])
        return y + self.latent(self.norm_latent(x + y), parts[1]), (attention, parts[1])


BLOCKS: dict[str, type[Block]] = {
    "attention": AttentionBlock,
    "lmm": MemoryBlock,
    "mag": GateBlock,
    "mac": ContextBlock,
    "mal": LayerBlock,
    "latent": LatentBlock,
}
"""Every kind of block by the name that a layout uses."""
