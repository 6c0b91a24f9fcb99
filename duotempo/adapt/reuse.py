"""Answers that prompts were judged by, taken once more as lessons for the weights."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import pad

from duotempo.adapt.policy import Asked, Rollouts
from duotempo.tasks.verifiable import Score

Judged = tuple[Rollouts, Score | None]
"""A single answer and what it was worth; None: could not be judged."""


class Kept:
    """Answers by prompt and problem, each given away once. They were drawn at `temperature` by the
    weights that a cycle began with, so that they are at most a cycle old: the ratio of CISPO
    weighs them. Source: FST, arXiv 2605.12484, appendix F."""

    def __init__(self, temperature: float = 1.0) -> None:
        self.temperature = temperature
        self.held: dict[Asked, list[Judged]] = defaultdict(list)

    def clear(self) -> None:
        """Forget all: the weights have moved."""
        self.held.clear()

    def keep(self, rollouts: Rollouts, scores: Sequence[Score | None]) -> None:
        """Remember answers and what they were worth."""
        for i, (asked, score) in enumerate(zip(rollouts.asked, scores, strict=True)):
            self.held[asked].append((rollouts.part(slice(i, i + 1)), score))

    def take(self, asked: Asked) -> Judged | None:
        """One of the answers to a problem under a prompt, the oldest first."""
        there = self.held.get(asked)
        return there.pop(0) if there else None


def joined(parts: Sequence[Rollouts]) -> Rollouts:
    """Rollouts one after the other: contexts padded on the left, answers on the right."""
    before = max(part.context.shape[1] for part in parts)
    time = max(part.tokens.shape[1] for part in parts)

    def left(tensor: Tensor, value: int) -> Tensor:
        return pad(tensor, (before - tensor.shape[1], 0), value=value)

    def right(tensor: Tensor) -> Tensor:
        return pad(tensor, (0, time - tensor.shape[1]))

    return Rollouts(
        tuple(asked for part in parts for asked in part.asked),
        torch.cat([left(part.context, int(part.context[0, 0])) for part in parts]),
        torch.cat([left(part.pads, 1) for part in parts]),
        torch.cat([right(part.tokens) for part in parts]),
        torch.cat([right(part.said) for part in parts]),
        torch.cat([right(part.logp) for part in parts]),
        tuple(answer for part in parts for answer in part.answers),
    )
