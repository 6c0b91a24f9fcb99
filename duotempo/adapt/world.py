"""What a life is lived in: a policy, a task, a reflector, and what they have cost so far."""

import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from duotempo.adapt.policy import Asked, Policy, Rollouts
from duotempo.adapt.prompts import Reflector, Trial
from duotempo.adapt.reuse import Judged, Kept, joined
from duotempo.adapt.tally import Tally
from duotempo.tasks.verifiable import Problem, Score, Task, grade


class Clock:
    """Seconds by part; nothing decides by them."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, part: str) -> Generator[None]:
        """Count the time within for a part."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[part] = self.seconds.get(part, 0.0) + time.perf_counter() - began


@dataclass(frozen=True)
class World:
    """A policy, a task, who edits prompts, what the model could do before (`broad`), the counts,
    if answers are to be used twice a place to keep them, and a clock."""

    policy: Policy
    task: Task
    reflector: Reflector
    broad: Sequence[Asked]
    tally: Tally
    kept: Kept | None = None
    clock: Clock = field(default_factory=Clock, compare=False)

    def judge(self, text: str, problems: Sequence[Problem]) -> list[Trial]:
        """One answer to each problem under a prompt, the first choice; where answers are kept, a
        draw, since weights learn from draws. What cannot be judged is worth nothing."""
        heat = 0.0 if self.kept is None else self.kept.temperature
        asked = [Asked(text, problem) for problem in problems]
        rollouts = self.policy.sample(asked, heat, self.tally.drawn())
        grades = grade(self.task, problems, rollouts.answers)
        self.tally.fast(grades)
        if self.kept is not None:
            self.kept.keep(rollouts, grades.scores)
        scores = [score or Score(0.0, "could not be judged") for score in grades.scores]
        return [Trial(*each) for each in zip(problems, rollouts.answers, scores, strict=True)]

    def drawn(
        self, asked: Sequence[Asked], temperature: float
    ) -> tuple[Rollouts, list[Score | None]]:
        """An answer to each for the weights to learn from, and its worth; kept ones first."""
        found: list[Judged | None] = [self.kept.take(a) if self.kept else None for a in asked]
        missing = [a for a, there in zip(asked, found, strict=True) if there is None]
        self.tally.reused += len(asked) - len(missing)
        if not missing:
            parts = [there for there in found if there is not None]
            return joined([part for part, _ in parts]), [score for _, score in parts]
        rollouts = self.policy.sample(missing, temperature, self.tally.drawn())
        grades = grade(self.task, [a.problem for a in missing], rollouts.answers)
        self.tally.slow(grades)
        if len(missing) == len(asked):
            return rollouts, list(grades.scores)
        new = iter([(rollouts.part(slice(i, i + 1)), s) for i, s in enumerate(grades.scores)])
        every = [next(new) if there is None else there for there in found]
        return joined([part for part, _ in every]), [score for _, score in every]
