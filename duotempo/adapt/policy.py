"""What the cycle asks of a model: draw answers under prompts, and give their probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from duotempo.tasks.verifiable import Problem

Weights = Mapping[str, Tensor]
"""The slow channel as a value: names and tensors of the weights that may move."""
Logits = Float[Tensor, "rollout time vocab"]


@dataclass(frozen=True)
class Asked:
    """A problem under a prompt."""

    prompt: str
    problem: Problem


@dataclass(frozen=True, eq=False)
class Rollouts:
    """Answers that a policy drew: what was read before (`context`, with `pads` on its left), the
    tokens drawn, which of them belong to the answer, their log-probabilities at the time, and the
    answers as text."""

    asked: tuple[Asked, ...]
    context: Int[Tensor, "rollout before"]
    pads: Bool[Tensor, "rollout before"]
    tokens: Int[Tensor, "rollout time"]
    said: Bool[Tensor, "rollout time"]
    logp: Float[Tensor, "rollout time"]
    answers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.asked)

    def part(self, rows: slice) -> "Rollouts":
        """Some of the rollouts."""
        return Rollouts(
            self.asked[rows], self.context[rows], self.pads[rows], self.tokens[rows],
            self.said[rows], self.logp[rows], self.answers[rows],
        )  # fmt: skip


@runtime_checkable
class Policy(Protocol):
    """A model that answers under prompts, its weights movable, with a frozen reference beside.

    One that declares `piece`, a number of rollouts, is never asked for the logits of more at once.
    """

    def sample(self, asked: Sequence[Asked], temperature: float, seed: int) -> Rollouts:
        """One answer to each; temperature 0 takes the first choice. The seed decides the draws."""
        ...

    def logits(self, rollouts: Rollouts) -> Logits:
        """Logits before each drawn token, with a gradient to the weights."""
        ...

    def reference(self, rollouts: Rollouts) -> Logits:
        """The same by the weights that the policy began with, without one."""
        ...

    def weights(self) -> list[torch.nn.Parameter]:
        """The weights that may move."""
        ...

    def taken(self) -> Weights:
        """A copy of them."""
        ...

    def put(self, weights: Weights) -> None:
        """Go on from such a copy, bit for bit."""
        ...


def pieces(policy: Policy, rollouts: Rollouts) -> list[slice]:
    """Rows of rollouts whose logits the policy can hold at once; all of them unless it declares a
    `piece`."""
    many = getattr(policy, "piece", None) or max(1, len(rollouts))
    return [slice(i, i + many) for i in range(0, len(rollouts), many)]


def chosen(logits: Logits, tokens: Int[Tensor, "rollout time"]) -> Float[Tensor, "rollout time"]:
    """The log-probability of each drawn token."""
    return logits.log_softmax(-1).gather(-1, tokens[..., None])[..., 0]


def drawn(
    logits: Float[Tensor, "rollout vocab"], temperature: float, g: torch.Generator
) -> Int[Tensor, " rollout"]:
    """One token of each row."""
    if temperature == 0:
        return logits.argmax(-1)
    return torch.multinomial((logits / temperature).softmax(-1), 1, generator=g)[:, 0]
