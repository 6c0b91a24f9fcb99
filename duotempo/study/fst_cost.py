"""What a cycle of prompts and weights costs by part, and a step beside TRL's."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory

from duotempo.adapt.cycle import Budget, Plan, looks
from duotempo.adapt.learn import Lesson, Slow, learned
from duotempo.adapt.prompts import Population, Search, for_weights
from duotempo.core import Tell
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.fst_arms import ARMS, FST, SEQUENCE, broad, policy, world_of
from duotempo.study.fst_peer import need_trl, ours, theirs
from duotempo.study.stats import by_seed, claim
from duotempo.tasks.rulebook import RuleTask

FIRST_REPORTED, STEPS, WARM = 100, 10, 2
METRICS = {
    "ours": "seconds of a step: 32 answers of 16 tokens drawn and judged, one update; median of 8",
    "trl": "the same by TRL's GRPOTrainer with its CISPO loss",
    "search.first": "seconds of the first prompt search: 48 proposals",
    "search": "seconds of a later one: 6 proposals",
    "steps": "seconds of six steps of the weights",
    "guard": "seconds of the drift on the broad mixture",
}


@dataclass(frozen=True)
class FstCost:
    """A repeat is a process that measures all, so that its parts share the machine's mood."""

    name: str = "fst-cost"
    question: str = "What does a cycle cost by part, and a step beside TRL's?"
    repeats: int = 3

    @property
    def metrics(self) -> Mapping[str, str]:
        """Seconds."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """A step beside TRL's, and the parts of a cycle, each several times."""
        seeds = [0] if size == "smoke" else range(FIRST_REPORTED, FIRST_REPORTED + self.repeats)
        return [Job(arm, seed) for seed in seeds for arm in ("step", "cycle")]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """One repeat."""
        found = cycle(job, size, tell) if job.arm == "cycle" else step(size, tell)
        return [Row(job.arm, job.seed, metric, None, value) for metric, value in found.items()]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """TRL's step over ours; the guard's share of a cycle."""
        mine, peer = (by_seed(rows, "step", name) for name in ("ours", "trl"))
        parts = [by_seed(rows, "cycle", name) for name in ("search", "steps", "guard")]
        ratio = [peer[seed] / mine[seed] for seed in mine if seed in peer]
        share = [parts[2][s] / sum(part[s] for part in parts) for s in parts[2]]
        said = (
            ("seconds of TRL's step over ours, equal model and batch", ratio, ">= 1"),
            ("share of a later cycle that the guard takes", share, "<= 0.1"),
        )
        return [claim(text, values, target) for text, values, target in said if values]

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """None: a table says it."""
        return []


def step(size: Size, tell: Tell) -> dict[str, float]:
    """Both in one process, the median of the steps after the first two."""
    steps = WARM + 1 if size == "smoke" else STEPS
    if size == "full":
        need_trl()  # before anything is measured
    tell("our steps", 0, 2)
    found = {"ours": median(ours(steps)[WARM:])}
    if size == "full":
        tell("their steps", 1, 2)
        with TemporaryDirectory() as scratch:
            found["trl"] = median(theirs(steps, Path(scratch))[WARM:])
    return found


def cycle(job: Job, size: Size, tell: Tell) -> dict[str, float]:
    """The parts of the first and of a later cycle on the first task of `fst-rulebook`."""
    mind = policy(job, size, tell)
    plan = Plan(cycles=2, budget=None, seed=job.seed)
    task = RuleTask(SEQUENCE[0])
    world = world_of(mind, task, ARMS[FST], broad(160), job.seed)
    now, slow, found = Population.of(task.seed_prompt), Slow(mind.taken()), dict[str, float]()
    for event in looks(task, plan):
        look = event.content
        began = time.perf_counter()
        random = Random(look.number)
        now = Search().cycle(
            now, world.judge, world.reflector, look.anchors, look.others, random, look.number
        )
        searched = time.perf_counter()
        under = [prompt.text for prompt in for_weights(now, plan.prompts)]
        slow = learned(world, slow, under, look.batches, Lesson())
        stepped = time.perf_counter()
        Budget(world, None).drift(slow)
        found["search" if look.number else "search.first"] = searched - began
        found["steps"], found["guard"] = stepped - searched, time.perf_counter() - stepped
    return found
