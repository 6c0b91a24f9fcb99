"""Memory as context: a segment attends to what the memory recalls, then the memory takes it in."""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import register_dataclass

from duotempo.models.layers import Norm, Rotary, heads, merged
from duotempo.models.memory import MemoryState, NeuralMemory
from duotempo.models.piece import Piece
from duotempo.models.shape import Shape

Tokens = Float[Tensor, "batch time width"]
Rows = Float[Tensor, "batch head past size"]


@dataclass(frozen=True)
class Segment:
    """The open segment: keys and values of its tokens and of what was recalled for them, whether
    each is valid, the memory before the segment, the memory by now, and the tails of what asks."""

    keys: Rows
    values: Rows
    recalled_keys: Rows
    recalled_values: Rows
    valid: Tensor
    before: MemoryState
    now: MemoryState
    tails: tuple[Tensor, ...]


register_dataclass(Segment)


class MemoryAsContext(nn.Module):
    """For a segment S: h = M(S W_Q), y = attention over [P | h | S], M takes y in, o = y (x) M(y).

    Source: Titans, eq. 21-25. Printed as they are, two steps let a token see later ones: S attends
    to all of h, which is made of all of S, and the last read is of a memory that has taken in the
    whole segment. A language model must not, so token i sees h_j and S_j for j <= i, and reads the
    memory that has taken in y_1 .. y_i. `order` decides only the rotary positions of h and S, as
    the mask keeps both causal.
    """

    def __init__(self, config: Shape, join: nn.Module) -> None:
        super().__init__()
        width, size = config.width, config.width // config.heads
        self.count, self.segment = config.heads, config.segment
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.prefix = nn.Parameter(
            torch.randn(2, config.heads, config.persistent, size) / size**0.5
        )
        self.rotary = Rotary(size)
        first, second = (0, config.segment)
        self.places = (first, second) if config.order == "read-segment" else (second, first)
        self.memory = NeuralMemory(width, config.memory, config.checkpoint)
        self.ask = self.memory.asker(width)
        self.written = Norm(width)
        self.join = join

    def init(self, batch: int, like: Tensor) -> Segment:
        """An empty segment before an empty memory."""
        zero = like.new_zeros(batch, self.count, 0, self.rotary.size)
        memory = self.memory.init(batch, like)
        valid = torch.zeros(batch, 0, dtype=torch.bool, device=like.device)
        tails = self.ask.init(batch, like)
        return Segment(zero, zero, zero, zero, valid, memory, memory, tails)

    def forward(self, x: Tokens, piece: Piece, state: Segment) -> tuple[Tokens, Segment]:
        """Finish the open segment, then go on segment by segment."""
        outputs, start = [], 0
        while start < piece.time:
            end = min(piece.time, start + self.segment - state.valid.shape[1])
            y, state = self._part(x[:, start:end], piece.cut(start, end), state)
            outputs.append(y)
            start = end
        return torch.cat(outputs, 1) if outputs else x, state

    def _part(self, x: Tokens, piece: Piece, state: Segment) -> tuple[Tokens, Segment]:
        """A part of one segment."""
        asked, tails = self.ask(x, piece, state.tails)
        recalled = self.memory.recall(asked, x, state.before)
        offset = torch.full_like(piece.position, state.valid.shape[1])
        plain, k, v = self._turned(x, offset + self.places[1])
        _, hk, hv = self._turned(recalled, offset + self.places[0])
        now = Segment(
            torch.cat((state.keys, k), -2),
            torch.cat((state.values, v), -2),
            torch.cat((state.recalled_keys, hk), -2),
            torch.cat((state.recalled_values, hv), -2),
            torch.cat((state.valid, piece.valid()), 1),
            state.before,
            state.now,
            tails,
        )
        q = self.rotary(plain, offset + self.places[1])
        y = self.out(merged(self._attend(plain, q, now)))
        m, memory = self.memory(self.written(y), piece, state.now)
        output = self.join(y, m)
        if now.valid.shape[1] < self.segment:
            return output, replace(now, now=memory)
        empty = now.keys[..., :0, :]
        shut = Segment(empty, empty, empty, empty, now.valid[:, :0], memory, memory, tails)
        return output, shut

    def _turned(self, x: Tokens, place: Int[Tensor, " batch"]) -> tuple[Tensor, Tensor, Tensor]:
        """Unturned queries, turned keys, values."""
        q, k, v = (heads(part, self.count) for part in self.qkv(x).chunk(3, -1))
        return q, self.rotary(k, place), v

    def _attend(self, plain: Tensor, q: Tensor, seen: Segment) -> Tensor:
        """Tokens over [P | h | S], causal in h and in S."""
        past, time = seen.valid.shape[1], q.shape[-2]
        row = torch.arange(past - time, past, device=q.device)[:, None]
        column = torch.arange(past, device=q.device)[None]
        mask = ((column <= row) & seen.valid[:, None, None]) | (column == row)
        keys = torch.cat((seen.recalled_keys, seen.keys), -2)
        scores = (q @ keys.mT).masked_fill(~mask.repeat(1, 1, 1, 2), float("-inf"))
        pk, pv = self.prefix.to(q.dtype)
        scores = torch.cat((plain @ pk.mT, scores), -1) * self.rotary.size**-0.5
        batch = q.shape[0]
        values = (pv.expand(batch, -1, -1, -1), seen.recalled_values, seen.values)
        return F.softmax(scores, -1).to(q.dtype) @ torch.cat(values, -2)
