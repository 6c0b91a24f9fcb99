"""What differs between the arms of `fst-rulebook`, and the lives that they lead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from duotempo.adapt.cycle import Plan, Settings, World
from duotempo.adapt.learn import Lesson
from duotempo.adapt.native import WordPolicy
from duotempo.adapt.policy import Asked
from duotempo.adapt.prompts import Reflector, Search
from duotempo.adapt.reflectors import Expert, Itself
from duotempo.adapt.tally import Tally
from duotempo.adapt.weights import Cispo
from duotempo.core import Tell
from duotempo.models.saved import load_model
from duotempo.recipes.rulebook import base
from duotempo.study.base import Job, Size
from duotempo.tasks.rulebook import RuleTask
from duotempo.tasks.rulebook_words import TAGS
from duotempo.tasks.verifiable import Problem, Score
from duotempo.train import train

TRAINED = Path("runs/fst-rulebook-models")
SEQUENCE = ("inner+inc+swap", "double+left+negate", "double+inner", "odd+dec")
"""Four tasks, one after the other; the first is of a rule whose name no base is shown."""
CYCLES, GENTLE, FAST, FASTER = 20, 5e-4, 1e-3, 2e-3
FST, SELF, PROMPT, SEQUENTIAL = "fst, expert", "fst, self", "prompt", "sequential"
RL, RL_FASTER, RL_KL, RL_PROMPT = "rl, 1e-3", "rl, 2e-3", "rl + KL", "rl then prompt"
RL_GENTLE = "rl, 5e-4"
TAGGED, BASE = "rl, a word a task", "base"


@dataclass(frozen=True)
class Arm:
    """A method, its rate and penalty, who edits its prompts, whether each task has its own word."""

    method: str
    rate: float = GENTLE
    kl: float = 1e-3
    itself: bool = False
    tagged: bool = False


ARMS: dict[str, Arm] = {
    FST: Arm("fst"),
    SELF: Arm("fst", itself=True),
    RL_FASTER: Arm("rl", FASTER),
    RL: Arm("rl", FAST),
    RL_GENTLE: Arm("rl"),
    RL_KL: Arm("rl", FASTER, kl=0.3),
    SEQUENTIAL: Arm("sequential"),
    RL_PROMPT: Arm("rl-prompt", FASTER),
    PROMPT: Arm("prompt"),
    TAGGED: Arm("rl", FASTER, tagged=True),
}
USUAL, SCARCE = Search(), Search(proposals=1, first=4)
"""As much search as ever; so little that the first prompt is half right."""


@dataclass(frozen=True)
class Changing:
    """A rule that becomes another after `after` problems of the training."""

    first: str
    second: str
    after: int
    seed_prompt: str = RuleTask("inc").seed_prompt

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """Of the first rule, then of the second; the test is of the second."""
        later = RuleTask(self.second).problems(split, seed)
        if split == "test":
            return later
        return [*RuleTask(self.first).problems(split, seed)[: self.after], *later[self.after :]]

    def score(self, problem: Problem, answer: str) -> Score:
        """As any rule's: the problem has the answer."""
        return RuleTask(self.second).score(problem, answer)


@dataclass(frozen=True)
class Scene:
    """A setting in which prompts do not stay right: a task, and how much search there is."""

    task: RuleTask | Changing
    search: Search = USUAL


def scenes(plan: Plan) -> dict[str, Scene]:
    """The task changes in the middle; the first prompt is half right; words say half of it."""
    middle = plan.cycles // 2 * plan.steps * plan.problems
    return {
        "changing": Scene(Changing("double+left+negate", "double+left+inc", middle)),
        "scarce": Scene(RuleTask("double+left+negate"), SCARCE),
        "unsayable": Scene(RuleTask("double+left+twist")),
    }


SCENE_ARMS = (FST, SEQUENTIAL, RL_FASTER, PROMPT)
ONCE = "sequential, as little search"
"""Of the scene `scarce` only: no more search before the first step than fast-slow has."""


def plan(job: Job, size: Size) -> Plan:
    """20 cycles of 6 steps of 12 problems, 8 rollouts each; no budget of drift, which would hide
    what an arm does."""
    if size == "smoke":
        return Plan(cycles=2, steps=1, problems=2, anchors=2, budget=None, seed=job.seed)
    return Plan(cycles=CYCLES, budget=None, seed=job.seed)


def policy(job: Job, size: Size, tell: Tell) -> WordPolicy:
    """The base of this seed, trained once for all arms."""
    run, folder = base(), TRAINED / size / f"base-{job.seed}"
    if size == "smoke":
        run = base(steps=2)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        trained = train(replace(run, seed=job.seed), folder, tell=tell)
    return WordPolicy(load_model(trained.model))


def task_of(arm: Arm, number: int) -> RuleTask:
    """A task of the sequence, with a word of its own as its seed prompt if the arm has such."""
    if not arm.tagged:
        return RuleTask(SEQUENCE[number])
    return RuleTask(SEQUENCE[number], f"{TAGS[number]} - -")


def settings_of(arm: Arm, search: Search = USUAL) -> Settings:
    """How an arm learns."""
    return Settings(search, Lesson(rate=arm.rate, loss=Cispo(kl=arm.kl)), arm.method)


def world_of(
    mind: WordPolicy, task: RuleTask | Changing, arm: Arm, wide: Sequence[Asked], seed: int
) -> World:
    """A task to be lived in."""
    reflector: Reflector = Itself(mind) if arm.itself else Expert()
    return World(mind, task, reflector, wide, Tally(seed))
