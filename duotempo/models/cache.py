"""What `generate` carries from token to token: a frozen state, as a Hugging Face cache."""

from dataclasses import dataclass
from typing import NoReturn

import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.utils._pytree import register_dataclass, tree_map
from transformers import Cache

from duotempo.core import UserError
from duotempo.models.decoder import State

NO_WAY_BACK = (
    "a native model cannot take tokens back out of its state, as assisted decoding asks: "
    "generate without an assistant or prompt lookup; to go back, keep a copy.copy of the cache"
)


@dataclass(frozen=True)
class Streams:
    """The state of some streams, and for each whether its first token has come and whether a pad
    has ended it."""

    state: State
    begun: Bool[Tensor, " batch"]
    ended: Bool[Tensor, " batch"]


register_dataclass(Streams)


class StateCache(Cache):
    """Holds frozen `Streams` and how many tokens they are; a step replaces them, nothing is written
    into a tensor. So `copy.copy(cache)` is a fork of the stream that costs nothing.

    Its size does not grow with the text, save for full attention.
    """

    def __init__(self, streams: Streams | None = None, length: int = 0) -> None:
        super().__init__(layers=[])
        self.streams, self.length = streams, length

    def __repr__(self) -> str:
        return f"StateCache({self.length} tokens of {self.batch_size} streams)"

    def __len__(self) -> int:
        return 0 if self.streams is None else len(self.streams.state.blocks)

    def advance(self, streams: Streams, time: int) -> None:
        """Take the streams as they are after `time` more tokens."""
        self.streams, self.length = streams, self.length + time

    def get_seq_length(self, layer_idx: int = 0) -> int:
        """How many tokens were read, pads too."""
        return self.length

    def get_max_length(self, layer_idx: int | None = None) -> int:
        """No limit."""
        return -1

    def get_mask_sizes(self, query_length: int, layer_idx: int = 0) -> tuple[int, int]:
        """An attention mask is as long as all that was read and is to be read."""
        return self.length + query_length, 0

    @property
    def batch_size(self) -> int:
        """How many streams; -1 before the first token."""
        return -1 if self.streams is None else self.streams.begun.shape[0]

    @property
    def is_initialized(self) -> bool:
        """True once something was read."""
        return self.streams is not None

    @property
    def is_croppable(self) -> bool:
        """Never: see `crop`."""
        return False

    def reset(self) -> None:
        """Forget everything."""
        self.streams, self.length = None, 0

    def reorder_cache(self, beam_idx: Int[Tensor, " rows"]) -> None:
        """Go on with these streams, in this order: what beam search asks for."""
        self.batch_select_indices(beam_idx)

    def batch_select_indices(self, indices: Tensor) -> None:
        """Keep these streams only; a stream may be taken more than once."""
        if self.streams is not None:
            at = indices.to(self.streams.begun.device)
            self.streams = tree_map(lambda x: x[at], self.streams)

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each stream `repeats` times, copies side by side."""
        if self.streams is not None:
            self.streams = tree_map(lambda x: x.repeat_interleave(repeats, 0), self.streams)

    def crop(self, tokens_to_remove: int) -> None:
        """Raises `UserError` unless there is nothing to remove: a fast memory has no way back."""
        if tokens_to_remove:
            raise UserError(NO_WAY_BACK)

    def activate_past_recording(self) -> NoReturn:
        """Raises `UserError`: assisted decoding begins with this, to crop later."""
        raise UserError(NO_WAY_BACK)


def placed(
    mask: Tensor | None, shape: torch.Size, past: Streams | None, device: torch.device
) -> tuple[Bool[Tensor, "batch time"] | None, Bool[Tensor, " batch"], Bool[Tensor, " batch"]]:
    """The pads of a piece of [batch, time], and which streams have begun and ended after it.

    `mask` is 0 where no token stands, for the piece or for all since the stream began. Pads may
    stand before a stream or after it. Raises `UserError` where a token follows a pad that follows
    a token.
    """
    batch, time = shape
    begun = past.begun if past else torch.zeros(batch, dtype=torch.bool, device=device)
    ended = past.ended if past else torch.zeros(batch, dtype=torch.bool, device=device)
    if begun.shape[0] != batch:
        raise UserError(
            f"the cache is of {begun.shape[0]} streams and the tokens of {batch}: give as many "
            "rows, or repeat the cache with batch_repeat_interleave"
        )
    valid = torch.ones(shape, dtype=torch.bool, device=device)
    if mask is not None:
        if mask.ndim != 2 or mask.shape[0] != batch or mask.shape[1] < time:
            raise UserError(
                f"attention_mask is of shape {tuple(mask.shape)}: give [batch, time], 0 for a pad "
                "and 1 for a token"
            )
        valid = mask[:, mask.shape[1] - time :].to(device) != 0
    since = torch.cat((begun[:, None], valid), 1).cumsum(1) > 0
    after = torch.cat((ended[:, None], since[:, 1:] & ~valid), 1).cumsum(1) > 0
    if bool((after[:, 1:] & valid).any()):
        raise UserError(
            "tokens follow pads in the middle of a stream: pad on the left "
            "(padding_side='left'), and in later turns not at all"
        )
    pads = None if bool(valid.all()) else ~valid
    return pads, since[:, -1], after[:, -1]
