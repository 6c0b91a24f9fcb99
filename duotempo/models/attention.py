"""Attention over a sliding window, with rotary positions and a prefix that is always visible."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import register_dataclass

from duotempo.core import UserError
from duotempo.models.layers import Rotary, heads, merged
from duotempo.models.piece import Piece


@dataclass(frozen=True)
class KeysAndValues:
    """What attention remembers: turned keys, values, and which of them stand for a token."""

    keys: Float[Tensor, "batch head past size"]
    values: Float[Tensor, "batch head past size"]
    valid: Bool[Tensor, "batch past"]


register_dataclass(KeysAndValues)


class Attention(nn.Module):
    """Each token sees itself and the `window` - 1 tokens before it (None: all), and `persistent`
    learned keys and values without a position (Titans, eq. 19 and 26; section 3.3).

    Memory and time per token do not depend on the position when there is a window.
    """

    def __init__(self, width: int, count: int, window: int | None, persistent: int = 0) -> None:
        super().__init__()
        if persistent and window is None:
            raise UserError("persistent tokens need a window: give one, or persistent=0")
        self.count, self.window, self.persistent = count, window, persistent
        size = width // count
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.rotary = Rotary(size)
        if persistent:
            self.prefix = nn.Parameter(torch.randn(2, count, persistent, size) * size**-0.5)

    def init(self, batch: int, like: Tensor) -> KeysAndValues:
        """Nothing seen; with a window the cache has its full size from the start."""
        past = 0 if self.window is None else self.window - 1
        zero = like.new_zeros(batch, self.count, past, self.rotary.size)
        return KeysAndValues(zero, zero, zero.new_zeros(batch, past, dtype=torch.bool))

    def forward(
        self, x: Float[Tensor, "batch time width"], piece: Piece, state: KeysAndValues
    ) -> tuple[Float[Tensor, "batch time width"], KeysAndValues]:
        """What each token sees, and the cache for the next piece."""
        plain, k, v = (heads(part, self.count) for part in self.qkv(x).chunk(3, -1))
        q, k = self.rotary(torch.cat((plain, k), 1), piece.position).chunk(2, 1)
        keys, values = torch.cat((state.keys, k), -2), torch.cat((state.values, v), -2)
        valid = torch.cat((state.valid, piece.valid()), -1)
        if self.window is None:
            seen = KeysAndValues(keys, values, valid)
            y = self._one(plain, q, seen) if piece.both_ways else _all(q, keys, values, valid)
            return self.out(merged(y)), seen
        near = self._one if x.shape[1] == 1 or piece.both_ways else self._near
        y = near(plain, q, KeysAndValues(keys, values, valid))
        start = keys.shape[-2] - (self.window - 1)
        kept = KeysAndValues(keys[..., start:, :], values[..., start:, :], valid[:, start:])
        return self.out(merged(y)), kept

    def _one(self, plain: Tensor, q: Tensor, seen: KeysAndValues) -> Tensor:
        """One token, which sees all that is left of the window; or several that all see it."""
        hidden = ~seen.valid[:, None, None]
        hidden[..., -1] = False  # a pad sees itself: a softmax over nothing is NaN
        scores, values = (q @ seen.keys.mT).masked_fill(hidden, float("-inf")), seen.values
        if self.persistent:
            pk, pv = self.prefix.to(q.dtype)
            scores = torch.cat((plain @ pk.mT, scores), -1)
            values = torch.cat((pv.expand(len(q), -1, -1, -1), values), -2)
        return (scores * self.rotary.size**-0.5).softmax(-1).to(values.dtype) @ values

    def _near(self, plain: Tensor, q: Tensor, seen: KeysAndValues) -> Tensor:
        """Windowed attention in blocks of queries, each with the keys that any of them may see."""
        assert self.window is not None
        time, before = q.shape[-2], self.window - 1
        size = min(self.window, time)
        more = -time % size
        q, plain = (F.pad(x, (0, 0, 0, more)).unflatten(-2, (-1, size)) for x in (q, plain))
        keys, values = (
            F.pad(x, (0, 0, 0, more)).unfold(-2, before + size, size)
            for x in (seen.keys, seen.values)
        )  # [batch head block size key]
        valid = F.pad(seen.valid, (0, more)).unfold(-1, before + size, size)[:, None, :, None]
        row, column = torch.arange(size)[:, None], torch.arange(before + size)[None]
        inside = ((column >= row) & (column <= row + before)).to(q.device)
        self_seen = (column == row + before).to(q.device)
        mask = (inside & valid) | self_seen  # a pad sees itself: a softmax over nothing is NaN
        scores = (q @ keys).masked_fill(~mask, float("-inf"))
        values = values.transpose(-1, -2)
        if self.persistent:
            pk, pv = (x[None, :, None].to(q.dtype) for x in self.prefix)
            scores = torch.cat((plain @ pk.mT, scores), -1)
            values = torch.cat((pv.expand(*values.shape[:3], -1, -1), values), -2)
        y = (scores * self.rotary.size**-0.5).softmax(-1).to(values.dtype) @ values
        return y.flatten(-3, -2)[..., :time, :]


def _all(q: Tensor, keys: Tensor, values: Tensor, valid: Tensor) -> Tensor:
    """Every token sees all valid tokens up to itself."""
    time, past = q.shape[-2], keys.shape[-2] - q.shape[-2]
    if past == 0 and bool(valid.all()):
        return F.scaled_dot_product_attention(q, keys, values, is_causal=True)
    row = torch.arange(time, device=q.device)[:, None] + past
    column = torch.arange(past + time, device=q.device)[None]
    mask = ((column <= row) & valid[:, None, None]) | (column == row)
    return F.scaled_dot_product_attention(q, keys, values, attn_mask=mask)
