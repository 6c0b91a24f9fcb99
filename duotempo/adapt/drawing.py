"""Draw answers from a Hugging Face model token by token, and ask for their logits again."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from duotempo.adapt.policy import Logits, Rollouts, chosen, drawn

ROWS = 32
"""Answers that are drawn at a time: keys and values of more would fill the memory."""


@dataclass(frozen=True, eq=False)
class Read:
    """What is read before an answer: tokens, and which of them are pads, on the left."""

    tokens: Int[Tensor, "rollout before"]
    pads: Bool[Tensor, "rollout before"]


@dataclass(frozen=True, eq=False)
class Said:
    """Drawn tokens, which of them belong to the answer, and their log-probabilities (0 after)."""

    tokens: Int[Tensor, "rollout time"]
    mask: Bool[Tensor, "rollout time"]
    logp: Float[Tensor, "rollout time"]


@dataclass(frozen=True)
class Drawer:
    """How answers are drawn: the tokens that end one, the most tokens, and the temperature."""

    ends: tuple[int, ...]
    longest: int
    temperature: float

    @torch.no_grad()
    def __call__(self, model: Any, read: Read, seed: int) -> Said:
        """An answer to each row, cut after the last token that any of them said."""
        g = torch.Generator(read.tokens.device).manual_seed(seed)
        rows = [slice(i, i + ROWS) for i in range(0, len(read.tokens), ROWS)]
        parts = [self.few(model, Read(read.tokens[r], read.pads[r]), g) for r in rows]
        tokens, mask, logp = (
            torch.cat([getattr(part, name) for part in parts])
            for name in ("tokens", "mask", "logp")
        )
        last = int(mask.any(0).sum())
        return Said(tokens[:, :last], mask[:, :last], logp[:, :last])

    def few(self, model: Any, read: Read, g: torch.Generator) -> Said:
        """As above, with `longest` places each; what several rows have read alike is read once."""
        many, device = len(read.tokens), read.tokens.device
        tokens = torch.zeros(many, self.longest, dtype=torch.long, device=device)
        mask, logp = torch.zeros_like(tokens, dtype=torch.bool), tokens.float()
        ends = torch.tensor(self.ends, dtype=torch.long, device=device)
        speaking = torch.ones(many, dtype=torch.bool, device=device)
        last, cache, seen = prefilled(model, read)
        for place in range(self.longest):
            token = drawn(last, self.temperature, g)
            tokens[:, place], mask[:, place] = token, speaking
            logp[:, place] = chosen(last[:, None], token[:, None])[:, 0] * speaking
            speaking = speaking & ~torch.isin(token, ends)
            if place + 1 == self.longest or not speaking.any():
                break
            seen = torch.nn.functional.pad(seen, (0, 1), value=True)
            found = forward(model, token[:, None], seen, cache=cache)
            last, cache = found.logits[:, -1].float(), found.past_key_values
        return Said(tokens, mask, logp)


def prefilled(
    model: Any, read: Read
) -> tuple[Float[Tensor, "rollout vocab"], Any, Bool[Tensor, "rollout before"]]:
    """Logits after what was read, the model's cache of it, and what of it was seen; rows that are
    alike, as the rollouts of a group are, go through the model once."""
    marked = torch.where(read.pads, -1, read.tokens)
    unique, row = marked.unique(dim=0, return_inverse=True)
    found = forward(model, unique.clamp(min=0), unique >= 0)
    found.past_key_values.batch_select_indices(row)
    return found.logits[row, -1].float(), found.past_key_values, ~read.pads


def before(model: Any, rollouts: Rollouts) -> Logits:
    """Logits before each drawn token, of those places alone: a whole text of them over a large
    vocabulary would fill the memory. Columns that are pads in every row are not read."""
    widest = int((~rollouts.pads).sum(1).max())
    read = Read(rollouts.context[:, -widest:], rollouts.pads[:, -widest:])
    first, cache, seen = prefilled(model, read)
    if (more := rollouts.tokens.shape[1] - 1) == 0:
        return first[:, None]
    seen = torch.nn.functional.pad(seen, (0, more), value=True)
    rest = forward(model, rollouts.tokens[:, :-1], seen, places=more, cache=cache)
    return torch.cat((first[:, None], rest.logits.float()), 1)


def forward(
    model: Any,
    tokens: Int[Tensor, "rollout new"],
    seen: Bool[Tensor, "rollout all"],
    *,
    places: int = 1,
    cache: Any = None,
) -> Any:
    """The model's output at the last `places`; `seen`: which of all tokens so far are no pads.

    `cache`: what earlier tokens left; None begins anew.
    """
    positions = (seen.long().cumsum(1) - 1).clamp(min=0)
    return model(
        input_ids=tokens,
        attention_mask=seen.long(),
        position_ids=positions[:, -tokens.shape[1] :],
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=places,
    )
