"""The trained memory model of the invented world: words in, words out, the likeliest each time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from duotempo.converse.invented import Invented
from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.saved import load_model
from duotempo.tasks.sessions_forms import END
from duotempo.tasks.sessions_rows import decoded, encoded, words

LONGEST = 420
"""Words of the longest output: a memory of all that can be known, both sides of every change."""


@dataclass
class Speaker:
    """A decoder over the world's words that goes on prompts; what it said once it says again.

    Raises `UserError` for a model of another vocabulary.
    """

    model: Decoder
    longest: int = LONGEST
    said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.model.config.vocab != len(words()):
            raise UserError(
                f"this model has a vocabulary of {self.model.config.vocab}, the invented world "
                f"{len(words())} words: train one with `duotempo train sessions:memory`"
            )

    def __call__(self, prompt: str) -> str:
        """What follows a prompt, its end included if it came to one."""
        return self.all([prompt])[0]

    def all(self, prompts: Sequence[str]) -> list[str]:
        """The same for many at once."""
        new = [prompt for prompt in dict.fromkeys(prompts) if prompt not in self.said]
        if new:
            outputs = _greedy(self.model, [encoded(prompt) for prompt in new], self.longest)
            self.said.update(zip(new, map(decoded, outputs), strict=True))
        return [self.said[prompt] for prompt in prompts]


def small(folder: Path | str) -> Invented:
    """The memory model of a folder that `duotempo train sessions:memory` wrote.

    Raises `UserError`.
    """
    speak: Callable[[str], str] = Speaker(load_model(Path(folder)))
    return Invented(speak)


@torch.no_grad()
def _greedy(model: Decoder, rows: Sequence[list[int]], longest: int) -> list[list[int]]:
    """The likeliest next word of every row, again and again until all have ended."""
    tokens, pads = _level(rows)
    end = encoded(END)[0]
    logits, state = model(tokens, None, pads)
    found: list[list[int]] = [[] for _ in rows]
    for _ in range(longest):
        word = logits[:, -1].argmax(-1)
        for each, said in zip(found, word.tolist(), strict=True):
            if not each or each[-1] != end:
                each.append(said)
        if all(each[-1] == end for each in found):
            break
        logits, state = model(word[:, None], state)
    return found


def _level(
    rows: Sequence[list[int]],
) -> tuple[Int64[Tensor, "row time"], Bool[Tensor, "row time"]]:
    """Rows made of one length by pads at their beginnings."""
    widest = max(map(len, rows))
    missing = [widest - len(row) for row in rows]
    tokens = [[0] * gap + row for gap, row in zip(missing, rows, strict=True)]
    return torch.tensor(tokens), torch.arange(widest) < torch.tensor(missing)[:, None]
