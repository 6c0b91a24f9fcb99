"""Lessons to prompts and skills to weights, in the rulebook: what it saves, keeps and costs."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from duotempo.adapt.at_hand import rules_by_name
from duotempo.adapt.cycle import Plan
from duotempo.adapt.measures import accuracy, drifted, first_at
from duotempo.adapt.native import WordPolicy
from duotempo.adapt.policy import Asked
from duotempo.adapt.probes import Stand, continual, plasticity, watched
from duotempo.core import Tell
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.fst_arms import (
    ARMS,
    BASE,
    ONCE,
    RL_FASTER,
    SCARCE,
    SCENE_ARMS,
    SEQUENCE,
    SEQUENTIAL,
    TAGGED,
    plan,
    policy,
    scenes,
    settings_of,
    task_of,
    world_of,
)
from duotempo.study.fst_claims import all_claims, all_figures
from duotempo.tasks.rulebook import RuleTask
from duotempo.tasks.rulebook_words import OPERATIONS
from duotempo.tasks.verifiable import Task

FIRST_REPORTED = 100
LEVEL = 0.9
METRICS = {
    "accuracy": "share of right answers to 160 problems of the test, best prompt; x: steps",
    "by.rollouts": "the same; x: rollouts so far, those of the prompt search included",
    "steps.to": "steps to 0.9, staying there at the next look; absent: not within the run",
    "rollouts.to": "rollouts to 0.9, those of the search included",
    "kl.own": "KL to the base on the best prompt, nats a token",
    "kl.seed": "KL to the base on the seed prompt",
    "kl.broad": "KL to the base over other rules asked by name",
    "skills": "right answers to single operations and rules of two, asked by name",
    "probe": "fresh reinforcement learning of the second task from here; x: steps",
    "learned": "right answers to a task at the end of its own stage; x: its number",
    "kept": "right answers to it after all four, with its stored prompt; x: its number",
    "rollouts": "rollouts of the first stage, by all",
    "rollouts.fast": "those of the prompt search",
    "seconds": "seconds of the first stage",
}
Numbers = list[tuple[str, float | None, float]]


@dataclass(frozen=True)
class FstRulebook:
    """Ten arms over a sequence of four tasks, four of them in three settings; a base a seed."""

    name: str = "fst-rulebook"
    question: str = "Do lessons in prompts make learning faster and forgetting smaller?"
    seeds: int = 5

    @property
    def metrics(self) -> Mapping[str, str]:
        """Accuracy by steps and rollouts, drift, what is kept."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Every arm with every seed, then the settings. All arms of a seed share its base."""
        seeds = [0] if size == "smoke" else range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        settings = [f"{scene}: {arm}" for scene in scenes(Plan()) for arm in SCENE_ARMS]
        arms = [*ARMS, BASE, *settings, f"scarce: {ONCE}"]
        return [Job(arm, seed) for arm in (arms[:1] if size == "smoke" else arms) for seed in seeds]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Live through the tasks, or through one in a setting."""
        mind, counts = policy(job, size, tell), plan(job, size)
        few = 4 if size == "smoke" else 160
        scene, _, arm = job.arm.rpartition(": ")
        if job.arm == BASE:
            found: Numbers = [("skills", None, skills(mind, few)), *probe(mind, counts, few)]
        elif scene:
            found = in_scene(mind, scene, arm, counts, few)
        else:
            found = in_sequence(mind, job.arm, counts, few, tell)
        return [Row(job.arm, job.seed, metric, x, float(value)) for metric, x, value in found]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the rows say."""
        return all_claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Curves, drift, and what is kept."""
        return all_figures(rows)


def in_sequence(mind: WordPolicy, name: str, counts: Plan, few: int, tell: Tell) -> Numbers:
    """Four tasks, one after the other; after the first one drift, skills and the probe."""
    arm, wide = ARMS[name], rules_by_name(few)
    tasks = [task_of(arm, number) for number in range(len(SEQUENCE))]
    worlds = [world_of(mind, task, arm, wide, counts.seed) for task in tasks]
    found: Numbers = []
    began = time.perf_counter()

    def after(number: int, stands: Sequence[Stand]) -> None:
        tell("task", number + 1, len(SEQUENCE))
        if number == 0:
            found.append(("seconds", None, time.perf_counter() - began))
            found.append(("rollouts.fast", None, float(worlds[0].tally.fast_rollouts)))
            found.extend(curves(stands) + moved(mind, tasks[0], stands[-1].prompt, wide, few))
            if name != TAGGED:
                found.extend(probe(mind, counts, few))

    done = continual(worlds, counts, settings_of(arm), few, after=after)
    found += [("learned", float(number), value) for number, value in enumerate(done.learned)]
    return found + [("kept", float(number), value) for number, value in enumerate(done.kept)]


def in_scene(mind: WordPolicy, scene: str, name: str, counts: Plan, few: int) -> Numbers:
    """One task of a setting in which prompts do not stay right."""
    chosen = scenes(counts)[scene]
    arm, search = ARMS[SEQUENTIAL if name == ONCE else name], chosen.search
    if name == ONCE:
        search = replace(SCARCE, proposals=0)
    world = world_of(mind, chosen.task, arm, rules_by_name(few), counts.seed)
    stands = list(watched(world, counts, settings_of(arm, search), few))
    found = curves(stands)
    if scene == "changing":
        half = counts.cycles // 2
        found = [(n, x, v) for n, x, v in found if not n.endswith(".to")]
        found += [r for r in curves(stands[half:]) if r[0].endswith(".to")]
        begun = stands[half - 1]
        found = [
            (n, x, v - {"steps.to": begun.steps, "rollouts.to": begun.rollouts}.get(n, 0))
            for n, x, v in found
        ]
    return found + moved(mind, chosen.task, stands[-1].prompt, rules_by_name(few), few)


def right(mind: WordPolicy, task: Task, prompt: str, few: int) -> float:
    """The share of right answers to the test's first problems."""
    return accuracy(mind, task, prompt, task.problems("test", 0)[:few])


def curves(stands: Sequence[Stand]) -> Numbers:
    """Accuracy against steps and rollouts, and where it reached the level."""
    by_steps = [(float(s.steps), s.value) for s in stands]
    by_rollouts = [(float(s.rollouts), s.value) for s in stands]
    found: Numbers = [("accuracy", x, v) for x, v in by_steps]
    found += [("by.rollouts", x, v) for x, v in by_rollouts]
    found.append(("rollouts", None, by_rollouts[-1][0]))
    for metric, curve in (("steps.to", by_steps), ("rollouts.to", by_rollouts)):
        at = first_at(curve, LEVEL)
        found += [] if at is None else [(metric, None, at)]
    return found


def moved(mind: WordPolicy, task: Task, prompt: str, wide: Sequence[Asked], few: int) -> Numbers:
    """How far the weights moved, and what they still can."""
    problems = task.problems("test", 0)[:few]
    drift = drifted(mind, (prompt, task.seed_prompt), problems, wide)
    return [
        ("kl.own", None, drift.own),
        ("kl.seed", None, drift.seed),
        ("kl.broad", None, drift.broad),
        ("skills", None, skills(mind, few)),
    ]


def skills(mind: WordPolicy, few: int) -> float:
    """Single operations, and each with its neighbour, by name; ten problems each."""
    rules = [*OPERATIONS, *(f"{a}+{b}" for a, b in pairwise(OPERATIONS))]
    each = min(few, 10)
    found = [right(mind, RuleTask(rule), RuleTask(rule).named, each) for rule in rules]
    return sum(found) / len(found)


def probe(mind: WordPolicy, counts: Plan, few: int) -> Numbers:
    """Plasticity: reinforcement learning of the second task from these weights."""
    arm = ARMS[RL_FASTER]
    world = world_of(mind, RuleTask(SEQUENCE[1]), arm, rules_by_name(few), counts.seed)
    fresh = replace(counts, seed=counts.seed + 1)
    return [
        ("probe", float(stand.steps), stand.value)
        for stand in plasticity(world, fresh, settings_of(arm), few)
    ]
