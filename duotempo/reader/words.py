"""Text to tokens and back, as one model has them: what fits it, what stops it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile

import torch
from jaxtyping import Int
from torch import Tensor

from duotempo.core import UserError
from duotempo.models.pretrained import Pretrained
from duotempo.reader.sources import encoded


@dataclass(frozen=True)
class Words:
    """The words of one model."""

    model: Pretrained

    def ids(self, text: str) -> Int[Tensor, " tokens"]:
        """The tokens of a text; raises `UserError` for one with half a character in it."""
        encoded(text)
        ids = self.model.tokenizer(text, add_special_tokens=False).input_ids
        return torch.tensor(ids, dtype=torch.long)

    def spoken(self, tokens: Iterable[int]) -> Iterator[str]:
        """The text of tokens, piece by piece, up to the first one that ends a text.

        A character that takes several tokens comes when it is whole; one that stays incomplete
        comes last, as the replacement character.
        """
        ids, shown, text = [], "", ""
        stops = self._stops()
        for token in takewhile(lambda token: token not in stops, tokens):
            ids.append(token)
            text = str(self.model.tokenizer.decode(ids, clean_up_tokenization_spaces=False))
            if not text.endswith("\ufffd"):
                yield text[len(shown) :]
                shown = text
        if len(text) > len(shown):
            yield text[len(shown) :]

    def context(
        self, window: Int[Tensor, " window"], prompt: Int[Tensor, " prompt"], tokens: int
    ) -> Int[Tensor, " context"]:
        """The end of the window and the prompt, with room for `tokens` more; raises `UserError`."""
        if tokens < 1:
            raise UserError(f"tokens={tokens}: ask for at least 1")
        limit = self.model.window_limit
        room = limit - tokens
        if len(prompt) > room or room < 1:
            raise UserError(
                f"prompt and answer take {len(prompt) + tokens} tokens, the model holds {limit}: "
                "shorten the prompt or ask for fewer tokens"
            )
        both = torch.cat([window, prompt])
        if not len(both):
            raise UserError("nothing to go on from: read a text first or give a prompt")
        return both[max(0, len(both) - room) :]

    def _stops(self) -> set[int]:
        found = self.model.model.generation_config.eos_token_id
        own = found if isinstance(found, list) else [found]
        return {token for token in (*own, self.model.tokenizer.eos_token_id) if token is not None}
