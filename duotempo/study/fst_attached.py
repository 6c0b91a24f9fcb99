"""Lessons to prompts and skills to weights on a real chat model: reward, drift, other tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from duotempo.adapt.at_hand import broad_of
from duotempo.adapt.chat import ChatPolicy
from duotempo.adapt.chat_folder import loaded
from duotempo.adapt.cycle import Plan, Settings, adapted
from duotempo.adapt.learn import Lesson
from duotempo.adapt.lines import Lines
from duotempo.adapt.measures import drifted, worth
from duotempo.adapt.prompts import Search
from duotempo.adapt.tally import Tally
from duotempo.adapt.weights import Cispo
from duotempo.adapt.world import World
from duotempo.core import Tell
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.stats import by_seed, claim, curve, minus, over, there
from duotempo.tasks.chat_tasks import CHAT_TASKS, ChatTask
from duotempo.tasks.verifiable import Task

FIRST_REPORTED, TASK = 100, "field"
FST, RL, PROMPT, BASE = "fst", "rl", "prompt", "base"
OTHERS = tuple(name for name in CHAT_TASKS if name != TASK)
RATE = 3e-4
METRICS = {
    "score": "mean score of 40 problems of the test, best prompt; x: steps of the weights offered",
    "by.rollouts": "the same; x: answers drawn, those that prompts were judged by included",
    "kl.own": "KL to the model before under the best prompt, nats a token",
    "kl.broad": "KL to the model before on 16 general questions",
    "other": "mean score on the three other tasks under their own seed prompts",
    "rollouts": "answers drawn",
    "moved": "steps that the weights made",
}
Numbers = list[tuple[str, float | None, float]]


@dataclass(frozen=True)
class FstAttached:
    """SmolLM2-135M-Instruct with a LoRA adapter of rank 8 on one short task; prompts are edited
    line by line from hints that the task gives, of which two in six help."""

    name: str = "fst-attached"
    question: str = "Does fast-slow training help a real chat model, and what does it cost it?"
    seeds: int = 3

    @property
    def metrics(self) -> Mapping[str, str]:
        """Scores by steps and answers, drift, other tasks."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Three arms and the model as it is; smoke: prompts alone."""
        if size == "smoke":
            return [Job(PROMPT, 0)]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for seed in seeds for arm in (FST, RL, PROMPT, BASE)]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """The model comes from its package; the problems are generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Live through three cycles of six steps, and look after each."""
        policy, few = loaded(seed=job.seed), 4 if size == "smoke" else 40
        task = CHAT_TASKS[TASK]
        if job.arm == BASE:
            found: Numbers = [("other", None, other(policy, few))]
        else:
            found = lived(policy, task, job, few, tell)
        return [Row(job.arm, job.seed, metric, x, float(value)) for metric, x, value in found]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """Against weights alone and prompts alone."""
        return all_claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Scores by steps and by answers drawn."""
        shown = (
            ("score", "steps of the weights offered", "Scores by steps"),
            ("by.rollouts", "answers drawn", "Scores by answers drawn"),
        )
        return [
            Figure(
                title, label, "mean score", there([curve(rows, a, m) for a in (FST, RL, PROMPT)])
            )
            for m, label, title in shown
        ]


def plan(job: Job, few: int) -> Plan:
    """Short enough for two cores; no budget, which would hide what an arm does."""
    whole = Plan(cycles=3, steps=6, problems=4, prompts=2, anchors=8, budget=None, seed=job.seed)
    return replace(whole, cycles=1, steps=1, problems=2, anchors=2) if few < 40 else whole


def lived(policy: ChatPolicy, task: ChatTask, job: Job, few: int, tell: Tell) -> Numbers:
    """A run of an arm, with its score before the first cycle and after each."""
    counts, tally = plan(job, few), Tally(job.seed)
    world = World(policy, task, Lines(task.hints), broad_of(policy), tally)
    search = Search(proposals=4, first=2 if few < 40 else 12, minibatch=4, size=4)
    settings = Settings(search, Lesson(rate=RATE, loss=Cispo(kl=0.0)), job.arm)
    best, steps, drawn = task.seed_prompt, 0, 0
    found = looked(policy, task, best, (0, 0), few)
    for life in adapted(world, counts, settings):
        tell("cycle", life.cycle, counts.cycles)
        best, steps = life.population.best.text, sum(step.moved for step in life.slow.steps)
        drawn = tally.fast_rollouts + tally.slow_rollouts
        found += looked(policy, task, best, (life.cycle * counts.steps, drawn), few)
    problems = task.problems("test", 0)[: min(few, 16)]
    drift = drifted(policy, (best, task.seed_prompt), problems, world.broad)
    found += [("kl.own", None, drift.own), ("kl.broad", None, drift.broad)]
    found += [("rollouts", None, float(drawn)), ("moved", None, float(steps))]
    return [*found, ("other", None, other(policy, few))]


def looked(policy: ChatPolicy, task: Task, prompt: str, at: tuple[int, int], few: int) -> Numbers:
    """The score after so many steps and answers."""
    value = worth(policy, task, prompt, task.problems("test", 0)[:few])
    return [("score", float(at[0]), value), ("by.rollouts", float(at[1]), value)]


def other(policy: ChatPolicy, few: int) -> float:
    """Retention: the other tasks, untouched prompts."""
    tasks = [CHAT_TASKS[name] for name in OTHERS]
    found = [worth(policy, t, t.seed_prompt, t.problems("test", 0)[: min(few, 20)]) for t in tasks]
    return sum(found) / len(found)


def all_claims(rows: Sequence[Row]) -> list[Claim]:
    """Score, drift, other tasks."""
    end = 18.0
    ours, slow, fast = (by_seed(rows, arm, "score", end) for arm in (FST, RL, PROMPT))
    early, late = (by_seed(rows, arm, "score", 6.0) for arm in (FST, RL))
    kept, before = (by_seed(rows, arm, "other") for arm in (FST, BASE))
    drift, theirs = (by_seed(rows, arm, "kl.broad") for arm in (FST, RL))
    spent, also = (by_seed(rows, arm, "rollouts") for arm in (FST, RL))
    said = (
        ("fst minus rl: score after six steps", minus(early, late), "> 0"),
        ("fst minus rl: score at the end", minus(ours, slow), "> 0"),
        ("fst minus prompt: score at the end", minus(ours, fast), "> 0"),
        ("rl: score gained", gained(rows, RL, end), "> 0"),
        ("prompt: score gained", gained(rows, PROMPT, end), "> 0"),
        ("fst: KL on general questions over rl's", over(drift, theirs), "<= 1"),
        ("fst: answers drawn over rl's", over(spent, also), "<= 2"),
        ("fst: other tasks minus the model before", minus(kept, before), ">= -0.05"),
    )
    return [claim(text, values, target) for text, values, target in said if values]


def gained(rows: Sequence[Row], arm: str, end: float) -> list[float]:
    """By seed."""
    first, last = by_seed(rows, arm, "score", 0.0), by_seed(rows, arm, "score", end)
    return [last[seed] - first[seed] for seed in last if seed in first]
