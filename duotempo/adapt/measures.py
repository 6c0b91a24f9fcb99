"""What adapting brought and what it cost: accuracy, drift, and steps to a level."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from duotempo.adapt.policy import Asked, Policy, pieces
from duotempo.adapt.weights import drift
from duotempo.core import UserError
from duotempo.tasks.verifiable import Grades, Problem, Task, grade

Value = Callable[[Policy, Task, str, Sequence[Problem]], float]
"""What a prompt is worth on problems: `accuracy`, `worth`."""


def graded(
    policy: Policy, task: Task, prompt: str, problems: Sequence[Problem], *, seed: int = 0,
    temperature: float = 0.0,
) -> Grades:  # fmt: skip
    """Grades of one answer to each problem under a prompt; by default the first choice."""
    rollouts = policy.sample([Asked(prompt, p) for p in problems], temperature, seed)
    return grade(task, problems, rollouts.answers)


def accuracy(policy: Policy, task: Task, prompt: str, problems: Sequence[Problem]) -> float:
    """The share of problems whose answer is worth 1."""
    values = graded(policy, task, prompt, problems).values
    if not values:
        raise UserError("the task's score() judged no answer: mend it")
    return sum(value >= 1 for value in values) / len(values)


def worth(policy: Policy, task: Task, prompt: str, problems: Sequence[Problem]) -> float:
    """The mean score of first choices under a prompt; 0 if none could be judged."""
    values = graded(policy, task, prompt, problems).values
    return sum(values) / len(values) if values else 0.0


@torch.no_grad()
def divergence(policy: Policy, asked: Sequence[Asked], seed: int = 0) -> float:
    """KL(policy || reference) in nats a token, on answers that the policy draws. Zero for weights
    that have not moved."""
    rollouts = policy.sample(asked, 1.0, seed)
    parts = [rollouts.part(rows) for rows in pieces(policy, rollouts)]
    away = torch.cat([drift(policy.logits(part), policy.reference(part)) for part in parts])
    return float(away[rollouts.said].mean())


@dataclass(frozen=True)
class Drift:
    """How far weights have moved, by where one looks: under the prompt in use, under the task's
    seed prompt, and over a broad mixture of what the model could do before."""

    own: float
    seed: float
    broad: float


def drifted(
    policy: Policy,
    prompts: tuple[str, str],
    problems: Sequence[Problem],
    broad: Sequence[Asked],
    seed: int = 0,
) -> Drift:
    """All three, for the prompt in use and the seed prompt."""
    own, first = ([Asked(prompt, p) for p in problems] for prompt in prompts)
    return Drift(*(divergence(policy, asked, seed) for asked in (own, first, broad)))


def first_at(curve: Sequence[tuple[float, float]], level: float) -> float | None:
    """The first x at which a curve of (x, value) reaches a level and stays there at the next
    point too (the last point needs no next); None if it never does. One lucky point is none."""
    for (x, value), after in zip(curve, [*curve[1:], None], strict=True):
        if value >= level and (after is None or after[1] >= level):
            return x
    return None


@dataclass(frozen=True)
class Sigmoid:
    """R = start + (top - start) / (1 + (middle / x)^steep): a learning curve that saturates."""

    start: float
    top: float
    middle: float
    steep: float

    def __call__(self, x: float) -> float:
        if x <= 0:
            return self.start
        return self.start + (self.top - self.start) / (1 + (self.middle / x) ** self.steep)


def saturation(curve: Sequence[tuple[float, float]]) -> Sigmoid:
    """The sigmoid nearest to a curve by squares: a grid of middles and steepness, the top of each
    by its closed form. The first point is the start. Source: FST's fit, section 1.4.

    Raises `UserError` for less than four points.
    """
    if len(curve) < 4:
        raise UserError(f"a curve of {len(curve)} points has no asymptote to fit: give 4 or more")
    start, rest = curve[0][1], [(x, y) for x, y in curve if x > 0]
    far = max(x for x, _ in rest)
    best, least = Sigmoid(start, start, far, 1.0), math.inf
    for i in range(1, 41):
        for steep in (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0):
            shape = Sigmoid(0.0, 1.0, far * i / 20, steep)
            heights = [shape(x) for x, _ in rest]
            over = sum(h * h for h in heights)
            rise = sum(h * (y - start) for h, (_, y) in zip(heights, rest, strict=True)) / over
            missed = sum(
                (rise * h + start - y) ** 2 for h, (_, y) in zip(heights, rest, strict=True)
            )
            if missed < least:
                best, least = Sigmoid(start, start + rise, shape.middle, steep), missed
    return best
