"""A policy of words: a native model that reads a prompt, a bar, a problem, a bar, and answers."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from duotempo.adapt.policy import Asked, Logits, Rollouts, Weights, chosen, drawn
from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.saved import save_model
from duotempo.tasks.rulebook_words import END, LENGTH, NOTHING, TOKEN, WORDS


class WordPolicy:
    """A decoder over the rulebook's words; all its weights may move.

    A word that it does not know is read as "-". Raises `UserError` for a model of another
    vocabulary.
    """

    def __init__(self, model: Decoder, longest: int = LENGTH) -> None:
        if model.config.vocab != len(WORDS):
            raise UserError(
                f"this model has a vocabulary of {model.config.vocab}, the rulebook {len(WORDS)} "
                "words: train one with `duotempo train rulebook:base`"
            )
        self.model, self.longest = model.eval(), longest
        self.base = deepcopy(model).requires_grad_(False)

    @torch.no_grad()
    def sample(self, asked: Sequence[Asked], temperature: float, seed: int) -> Rollouts:
        """As `Policy.sample`."""
        g = torch.Generator().manual_seed(seed)
        context, pads = self.read(asked)
        logits, state = self.model(context, None, pads)
        last, tokens, logp = logits[:, -1], [], []
        for place in range(self.longest):
            token = drawn(last, temperature, g)
            tokens.append(token)
            logp.append(chosen(last[:, None], token[:, None])[:, 0])
            if place + 1 < self.longest:
                logits, state = self.model(token[:, None], state)
                last = logits[:, -1]
        said = torch.stack(tokens, 1)
        answers = tuple(" ".join(WORDS[token] for token in row) for row in said.tolist())
        return Rollouts(
            tuple(asked), context, pads, said, torch.ones_like(said, dtype=torch.bool),
            torch.stack(logp, 1), answers,
        )  # fmt: skip

    def logits(self, rollouts: Rollouts) -> Logits:
        """As `Policy.logits`."""
        return _before(self.model, rollouts)

    @torch.no_grad()
    def reference(self, rollouts: Rollouts) -> Logits:
        """As `Policy.reference`."""
        return _before(self.base, rollouts)

    def weights(self) -> list[torch.nn.Parameter]:
        """All of the model's."""
        return list(self.model.parameters())

    def taken(self) -> Weights:
        """A copy of them by name."""
        return {name: p.detach().clone() for name, p in self.model.named_parameters()}

    @torch.no_grad()
    def put(self, weights: Mapping[str, Tensor]) -> None:
        """Go on from a copy."""
        for name, p in self.model.named_parameters():
            p.copy_(weights[name])

    def saved(self, folder: Path) -> Path:
        """Write the model as `duotempo train` does. Raises `UserError`."""
        save_model(folder, self.model)
        return folder

    def read(
        self, asked: Sequence[Asked]
    ) -> tuple[Int[Tensor, "rollout before"], Bool[Tensor, "rollout before"]]:
        """Prompts and problems as tokens, padded on the left."""
        rows = [_tokens(f"{a.prompt} {END} {a.problem.text} {END}") for a in asked]
        widest = max(map(len, rows))
        missing = [widest - len(row) for row in rows]
        context = [[TOKEN[NOTHING]] * gap + row for gap, row in zip(missing, rows, strict=True)]
        pads = torch.arange(widest) < torch.tensor(missing)[:, None]
        return torch.tensor(context), pads


def _tokens(text: str) -> list[int]:
    return [TOKEN.get(word, TOKEN[NOTHING]) for word in text.split()]


def _before(model: Decoder, rollouts: Rollouts) -> Logits:
    """Logits before each drawn token."""
    whole = torch.cat((rollouts.context, rollouts.tokens[:, :-1]), 1)
    pads = torch.nn.functional.pad(rollouts.pads, (0, rollouts.tokens.shape[1] - 1))
    logits, _ = model(whole, None, pads)
    return logits[:, rollouts.context.shape[1] - 1 :]
