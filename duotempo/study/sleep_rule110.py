"""Do passes of sleep compute what one pass cannot: a cell of rule 110 after t steps?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from duotempo.core import Tell
from duotempo.recipes.sleep import BOTH_WAYS, RULE110_ARMS, RULE110_STEPS, rule110
from duotempo.sleep.saved import load_sleeper
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.stats import by_seed, claim, curve, minus, there
from duotempo.tasks.batch import score
from duotempo.tasks.rule110 import Rule110
from duotempo.train import train

FIRST_REPORTED = 100
TRAINED = Path("runs/sleep-rule110-models")
PASSES = (1, 2, 3, 4, 6)
TEST = 1 << 20
METRICS = {
    **{
        f"exact.{n}": f"rows with all labels right after {n} passes of sleep at test, share; x: t"
        for n in PASSES
    },
    **{f"bit.{n}": f"labels right after {n} passes, share; x: t" for n in PASSES},
    "parameters": "weights of the model",
    "steps": "steps of training",
    "train.seconds": "seconds of training",
}


@dataclass(frozen=True)
class SleepRule110:
    """Arms: passes of sleep, at equal steps and at equal compute, causal or looking both ways,
    which the reading cannot. t rises in stages.
    """

    name: str = "sleep-rule110"
    question: str = "Do passes of sleep compute what one pass cannot: rule 110 after t steps?"
    seeds: int = 2

    @property
    def metrics(self) -> Mapping[str, str]:
        """Right labels by t and passes."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Every arm with seeds of its own."""
        if size == "smoke":
            return [Job(arm, 0) for arm in ("N=1", "N=4")]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for seed in seeds for arm in RULE110_ARMS]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Train, then ask for every t after every number of passes."""
        full = size == "full"
        run = replace(rule110(job.arm, None if full else 10), seed=job.seed)
        folder = TRAINED / size / f"{job.arm.replace(' ', '-').replace(',', '')}-{job.seed}"
        trained = train(run, folder, tell=tell)
        model = load_sleeper(trained.model)
        weights = float(sum(p.numel() for p in model.parameters()))
        found = [
            Row(job.arm, job.seed, "parameters", None, weights),
            Row(job.arm, job.seed, "steps", None, float(trained.steps)),
            Row(job.arm, job.seed, "train.seconds", None, trained.seconds),
        ]
        task = run.stages[0].task
        assert isinstance(task, Rule110)
        for t in range(0, RULE110_STEPS + 1, 1 if full else RULE110_STEPS):
            batch = replace(task, steps=t, rows=2048 if full else 8).batch(job.seed, TEST)
            for n in PASSES if full else (1, 4):
                tell(f"asking for t={t}", n, PASSES[-1])
                with torch.no_grad():
                    right = score(model.with_passes(n)(batch.tokens)[0], batch)
                found.append(Row(job.arm, job.seed, f"exact.{n}", float(t), right.exact))
                found.append(Row(job.arm, job.seed, f"bit.{n}", float(t), right.token))
        return found

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """More passes, more steps of the automaton."""
        found = []
        for t in range(1, RULE110_STEPS + 1):
            four = own(rows, "N=4", t)
            wide = own(rows, BOTH_WAYS, t)
            for text, more, less in (
                ("N=4 minus N=1", four, "N=1"),
                ("N=4 minus N=1, same compute", four, "N=1, same compute"),
                ("N=4, both ways, minus N=1", wide, "N=1"),
            ):
                difference = minus(more, own(rows, less, t))
                if difference:
                    found.append(claim(f"t={t}, all four right: {text}", difference, "> 0"))
        return found

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Right rows by t."""
        return [
            Figure(
                title="Rule 110 after t steps, its strings evicted before the question",
                x_label="steps t of the automaton",
                y_label="rows with all four labels right (share)",
                series=there(
                    curve(rows, arm, f"exact.{passes(arm)}", name=arm) for arm in RULE110_ARMS
                ),
                caption="Who always says the likelier label gets "
                + ", ".join(f"{Rule110(t).chance:.2f}" for t in range(RULE110_STEPS + 1))
                + f" for t = 0 to {RULE110_STEPS}.",
            )
        ]


def passes(arm: str) -> int:
    """The passes that an arm was trained with."""
    return RULE110_ARMS[arm].passes


def own(rows: Sequence[Row], arm: str, t: int) -> dict[int, float]:
    """Seed -> rows right after the passes that the arm was trained with."""
    return by_seed(rows, arm, f"exact.{passes(arm)}", float(t))
