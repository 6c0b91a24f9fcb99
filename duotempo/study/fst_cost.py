"""What a cycle of prompts and weights costs by part, and a step beside TRL's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from duotempo.adapt.at_hand import rules_by_name
from duotempo.adapt.cycle import adapted
from duotempo.core import Tell
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.fst_arms import ARMS, FST, SEQUENCE, plan, policy, settings_of, world_of
from duotempo.study.fst_peer import need_trl, ours, theirs
from duotempo.study.stats import by_seed, claim, over
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
        ratio = over(peer, mine)
        whole = {seed: sum(part[seed] for part in parts) for seed in parts[2]}
        share = over(parts[2], whole)
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
    mind, task = policy(job, size, tell), RuleTask(SEQUENCE[0])
    world = world_of(mind, task, ARMS[FST], rules_by_name(160), job.seed)
    counts = replace(plan(job, size), cycles=2)
    before: dict[str, float] = {}
    found: dict[str, float] = {}
    for number, _ in enumerate(adapted(world, counts, settings_of(ARMS[FST]))):
        now = dict(world.clock.seconds)
        spent = {part: now[part] - before.get(part, 0.0) for part in now}
        found["search" if number else "search.first"] = spent["search"]
        found |= {"steps": spent.get("learning", 0.0), "guard": spent.get("guard", 0.0)}
        before = now
    return found
