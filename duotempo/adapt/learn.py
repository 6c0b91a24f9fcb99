"""Asleep: a few steps of the weights under the prompts of the hour, from a value to a value."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from duotempo.adapt.policy import Asked, Policy, Rollouts, Weights, chosen, pieces
from duotempo.adapt.weights import Cispo, Loss, Step, advantages, drift, learnable, stepped, varied
from duotempo.adapt.world import World
from duotempo.core import UserError
from duotempo.tasks.verifiable import Problem, Score

Moments = Mapping[int, Mapping[str, Tensor]]


@dataclass(frozen=True)
class Lesson:
    """How the weights learn: `group` rollouts of each problem, spread evenly over the prompts,
    AdamW at `rate`; a step is skipped unless a share `least` of its problems varied in reward.

    Paper: AdamW, rate 1e-6 for 8 B weights, groups of 8. Raises `UserError`.
    """

    group: int = 8
    rate: float = 3e-4
    temperature: float = 1.0
    least: float = 0.1
    loss: Cispo = Cispo()  # noqa: RUF009 - frozen

    def __post_init__(self) -> None:
        if self.group < 2 or self.rate <= 0 or self.temperature <= 0 or not 0 <= self.least <= 1:
            raise UserError(
                f"group={self.group}, rate={self.rate}, temperature={self.temperature}, "
                f"least={self.least}: a group has 2 rollouts or more, rate and temperature are "
                "above 0, least is a share"
            )


@dataclass(frozen=True, eq=False)
class Slow:
    """The slow channel: weights, the optimiser's moments by the number of the weight, and the
    steps that it made."""

    weights: Weights
    moments: Moments = field(default_factory=dict)
    steps: tuple[Step, ...] = ()


def learned(
    world: World,
    slow: Slow,
    prompts: Sequence[str],
    batches: Sequence[Sequence[Problem]],
    lesson: Lesson,
) -> Slow:
    """The slow channel after a step on each batch; the policy is left with the old weights."""
    policy = world.policy
    policy.put(slow.weights)
    optimiser = torch.optim.AdamW(policy.weights(), lr=lesson.rate, weight_decay=0.0)
    if slow.moments:
        said = optimiser.state_dict()
        optimiser.load_state_dict({**said, "state": deepcopy(dict(slow.moments))})
    steps = []
    try:
        for batch in batches:
            asked = spread(batch, prompts, lesson.group)
            rollouts, scores = world.drawn(asked, lesson.temperature)
            rewards, known = rewarded(scores, lesson.group)
            steps.append(step(policy, optimiser, rollouts, rewards, known, lesson))
        moments = deepcopy(optimiser.state_dict()["state"])
        return Slow(policy.taken(), moments, (*slow.steps, *steps))
    finally:
        policy.put(slow.weights)


def spread(batch: Sequence[Problem], prompts: Sequence[str], group: int) -> list[Asked]:
    """`group` rollouts of each problem, its prompts taking turns."""
    return [Asked(prompts[i % len(prompts)], problem) for problem in batch for i in range(group)]


def rewarded(
    scores: Sequence[Score | None], group: int
) -> tuple[Float[Tensor, "problem rollout"], Bool[Tensor, "problem rollout"]]:
    """What each rollout was worth, a row a problem, and which of them could be judged."""
    values = [0.0 if score is None else score.value for score in scores]
    known = [score is not None for score in scores]
    return torch.tensor(values).view(-1, group), torch.tensor(known).view(-1, group)


def step(
    policy: Policy,
    optimiser: torch.optim.Optimizer,
    rollouts: Rollouts,
    rewards: Float[Tensor, "problem rollout"],
    known: Bool[Tensor, "problem rollout"],
    lesson: Lesson,
) -> Step:
    """One step of the weights, or none if there is nothing to learn.

    A policy that declares a `piece` is asked for so many rollouts at a time; every token weighs the
    same, so that the step does not depend on how they were cut.
    """
    advantage = advantages(rewards, known)
    many, of = int(varied(advantage).sum()), len(advantage)
    reward = float(rewards.sum() / known.sum().clamp(min=1))
    if not learnable(advantage, lesson.least):
        return Step(reward, many, of, moved=False)
    tokens, flat = rollouts.said.sum().clamp(min=1), advantage.flatten()

    def loss_of(rows: slice) -> Loss:
        part = rollouts.part(rows)

        def loss() -> Float[Tensor, ""]:
            logits = policy.logits(part)
            away = drift(logits, policy.reference(part)) if lesson.loss.kl else None
            logp = chosen(logits, part.tokens)
            mean = lesson.loss.loss(logp, part.logp, flat[rows], part.said, away)
            return mean * (part.said.sum() / tokens)

        return loss

    teach = [rows for rows in pieces(policy, rollouts) if lesson.loss.kl or flat[rows].any()]
    losses = [loss_of(rows) for rows in teach]
    return Step(reward, many, of, moved=True, loss=stepped(optimiser, policy.weights(), losses))
