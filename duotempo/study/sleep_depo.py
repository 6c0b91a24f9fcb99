"""Do passes of sleep before eviction turn edges into paths, and what else would?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from duotempo.core import Tell
from duotempo.models.decoder import Decoder
from duotempo.models.saved import load_model
from duotempo.recipes.sleep import ARMS, LARGE, MEASURED_LARGE, SMALL, arm_run
from duotempo.sleep.recurrent import Sleeper
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.sleep_depo_claims import BIG, FIXED, GUARDED, SAMPLED, claims, figures, metrics
from duotempo.study.sleep_guard import guarded
from duotempo.tasks.batch import score
from duotempo.tasks.depo import Depo
from duotempo.train import Run, train

FIRST_REPORTED = 100
TRAINED = Path("runs/sleep-depo-models")
PASSES = (1, 2, 3, 4, 6, 8)
TEST = 1 << 20  # test rows come from batches that no training reaches


@dataclass(frozen=True)
class SleepDepo:
    """Arms: passes of sleep, and controls at the same steps, compute or depth; two sizes.

    Five seeds for arms of sleep on 8 nodes, three for controls and on 12.
    """

    name: str = "sleep-depo"
    question: str = "Do passes of sleep before eviction turn edges into paths?"
    seeds: int = 5
    seeds_large: int = 3

    @property
    def metrics(self) -> Mapping[str, str]:
        """Right answers by hops and passes, and what they cost."""
        return metrics(LARGE.hops)

    def jobs(self, size: Size) -> Sequence[Job]:
        """Arms of sleep with all seeds, controls and the larger graph with fewer; smoke: three."""
        if size == "smoke":
            return [Job(arm, 0) for arm in ("N=1", "N=4", SAMPLED)]
        few, main = range(self.seeds_large), (*FIXED, SAMPLED)
        small = [Job(a, FIRST_REPORTED + s) for s in few for a in ARMS]
        small += [Job(a, FIRST_REPORTED + s) for s in range(few.stop, self.seeds) for a in main]
        large = [
            Job(BIG + a, FIRST_REPORTED + s)
            for s in range(self.seeds_large)
            for a in MEASURED_LARGE
        ]
        return small + large

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Train, then ask after every number of passes. A killed training goes on."""
        run = recipe(job, size)
        task = run.stages[0].task
        assert isinstance(task, Depo)
        word = "".join(c if c.isalnum() or c == "=" else "-" for c in job.arm)
        trained = train(run, TRAINED / size / f"{word}-{job.seed}", tell=tell)
        model = run.model.build().eval()
        assert isinstance(model, Decoder)
        model.load_state_dict(load_model(trained.model).state_dict())
        rows = 4096 if size == "full" else 16
        numbers = [
            ("parameters", None, float(sum(p.numel() for p in model.parameters()))),
            ("steps", None, float(run.steps)),
            ("train.seconds", None, trained.seconds),
            *asked(model, task, rows, job.seed, tell),
        ]
        if isinstance(model, Sleeper) and job.arm in GUARDED:
            tell("the guard chooses", 0, 1)
            numbers += guarded(model, task, max(1, rows // 32), job.seed)
        return [Row(job.arm, job.seed, metric, x, value) for metric, x, value in numbers]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the rows say."""
        return claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """What the rows look like."""
        return figures(rows)


def recipe(job: Job, size: Size) -> Run:
    """The run of an arm and seed."""
    arm, task = job.arm.removeprefix(BIG), LARGE if job.arm.startswith(BIG) else SMALL
    if size == "smoke":
        task = replace(task, rows=4)
    run = arm_run(arm, task, steps=4 if size == "smoke" else None)
    return replace(run, seed=job.seed)


@torch.no_grad()
def asked(
    model: Decoder, task: Depo, rows: int, seed: int, tell: Tell
) -> list[tuple[str, float | None, float]]:
    """Share of right answers by hops, after each number of passes if the model sleeps. One question
    a row: from several of the same hops, answers can be concluded without an edge."""
    found: list[tuple[str, float | None, float]] = []
    for passes in PASSES if isinstance(model, Sleeper) else (1,):
        tell("asking", passes, PASSES[-1])
        asleep = model.with_passes(passes) if isinstance(model, Sleeper) else model
        for hop in range(1, task.hops + 1):
            batch = replace(task, hop=hop, queries=1, rows=rows).batch(seed, TEST + hop)
            right = score(asleep(batch.tokens)[0], batch).exact
            found.append((f"hop.{hop}", float(passes), right))
    return found
