"""The cycle: awake prompts evolve, asleep weights learn under them, a guard lets them or not."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random

from duotempo.adapt.learn import Lesson, Slow, learned
from duotempo.adapt.measures import divergence
from duotempo.adapt.prompts import Population, Search, for_weights
from duotempo.adapt.world import World
from duotempo.core import Candidate, Event, Proposal, UserError, Verdict, live
from duotempo.core import Trial as Judged
from duotempo.tasks.seeds import seeded
from duotempo.tasks.verifiable import Problem, Task, some

MOST = 100_000
"""Problems of a task that goes on for ever."""


@dataclass(frozen=True)
class Plan:
    """One life: cycles of `steps` steps of `problems` problems each, under `prompts` prompts.

    `budget` is the drift that a sleep may end with, in nats a token on a broad mixture (None: no
    bound). Paper: T = 6 steps, K = 4 or 8 prompts, 32 problems. Raises `UserError`.
    """

    cycles: int = 9
    steps: int = 6
    problems: int = 12
    prompts: int = 4
    anchors: int = 16
    budget: float | None = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        least = (self.cycles, self.steps, self.problems, self.prompts, self.anchors)
        if min(least) < 1 or (self.budget is not None and self.budget <= 0):
            raise UserError(
                f"cycles={self.cycles}, steps={self.steps}, problems={self.problems}, "
                f"prompts={self.prompts}, anchors={self.anchors}, budget={self.budget}: all at "
                "least 1, a budget above 0"
            )


@dataclass(frozen=True)
class Look:
    """What a cycle looks ahead to: the batches of its steps, and of their problems the anchors
    that prompts are judged by, and the others that they are tried on."""

    number: int
    batches: tuple[tuple[Problem, ...], ...]
    anchors: tuple[Problem, ...]
    others: tuple[Problem, ...]


@dataclass(frozen=True)
class Phase:
    """What may move in a cycle: rounds of prompt search, and whether the weights."""

    searches: int
    weights: bool


def fst(number: int, cycles: int) -> Phase:
    """Both in every cycle."""
    return Phase(1, weights=True)


def rl(number: int, cycles: int) -> Phase:
    """Weights alone, under the seed prompt."""
    return Phase(0, weights=True)


def prompt(number: int, cycles: int) -> Phase:
    """Prompts alone."""
    return Phase(1, weights=False)


def sequential(number: int, cycles: int) -> Phase:
    """All search before the first step, then weights under what it found."""
    return Phase(cycles if number == 0 else 0, weights=True)


def rl_prompt(number: int, cycles: int) -> Phase:
    """Weights under the seed prompt, and all search in the last cycle."""
    last = number == cycles - 1
    return Phase(cycles if last else 0, weights=not last)


METHODS = {
    "fst": fst,
    "rl": rl,
    "prompt": prompt,
    "sequential": sequential,
    "rl-prompt": rl_prompt,
}
"""Name -> what may move in which cycle."""
BY_COUNT = frozenset(("sequential", "rl-prompt"))
"""Methods whose phases are laid out by the number of cycles."""


@dataclass(frozen=True)
class Life:
    """The fast state: the population, the prompts that weights learn under, the look ahead, the
    slow channel as it stands, and why it last moved or not."""

    slow: Slow
    population: Population
    under: tuple[str, ...]
    look: Look | None = None
    cycle: int = 0
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Prompts:
    """The fast channel: a population that evolves on what the weights will see next."""

    world: World
    plan: Plan
    search: Search
    method: str

    def init(self, slow: Slow) -> Life:
        """A life that begins with the task's seed prompt, and with others if the task has a list
        of `seed_prompts`."""
        task = self.world.task
        seed, more = task.seed_prompt, getattr(task, "seed_prompts", ())
        return Life(slow, Population.of(seed, *more), (seed,))

    def write(self, life: Life, event: Event) -> Life:
        """The population after this cycle's search, judged by the weights as they are."""
        look: Look = event.content
        if self.world.kept is not None:
            self.world.kept.clear()
        now, plan = life.population, self.plan
        with self.world.clock("search"):
            for part in range(METHODS[self.method](look.number, plan.cycles).searches):
                now = self.searched(now, look, part)
        if now is life.population:
            return replace(life, look=look)
        under = tuple(each.text for each in for_weights(now, plan.prompts))
        return replace(life, population=now, under=under, look=look)

    def searched(self, now: Population, look: Look, part: int) -> Population:
        """After one round of search."""
        random = seeded(self.plan.seed, look.number, part)
        world = self.world
        return self.search.cycle(
            now, world.judge, world.reflector, look.anchors, look.others, random, look.number
        )

    def after(self, life: Life, verdict: Verdict) -> Life:
        """Awake with the weights that the guard let stand."""
        slow = verdict.apply(life.slow)
        self.world.policy.put(slow.weights)
        return replace(life, slow=slow, cycle=life.cycle + 1, verdict=verdict)


@dataclass(frozen=True)
class Lessons:
    """The consolidator: steps of the weights under the prompts, or a reason for none."""

    world: World
    plan: Plan
    lesson: Lesson
    method: str

    def __call__(self, slow: Slow, life: Life) -> Proposal:
        """A candidate, made when the guard asks for it."""
        assert life.look is not None
        if reason := self.idle(life):
            return Proposal((), reason)
        return Proposal(self.candidates(slow, life, life.look), "")

    def candidates(self, slow: Slow, life: Life, look: Look) -> Iterator[Candidate]:
        """The slow channel after this cycle's steps."""
        with self.world.clock("learning"):
            value = learned(self.world, slow, life.under, look.batches, self.lesson)
        yield Candidate(sum(s.moved for s in value.steps[len(slow.steps) :]), value)

    def idle(self, life: Life) -> str:
        """Why the weights should rest in this cycle; empty: they should not.

        Where prompts evolve, weights wait until one of them beats the seed prompt: before that a
        step would write into weights what words could say.
        """
        assert life.look is not None
        phase = METHODS[self.method](life.look.number, self.plan.cycles)
        if not phase.weights:
            return "this method leaves the weights alone"
        seed = self.world.task.seed_prompt
        if phase.searches and life.population.best.text == seed:
            return "no prompt beats the seed prompt yet: the weights wait"
        return ""


@dataclass(frozen=True)
class Budget:
    """The guard: keeps a step that moved, unless the drift on the broad mixture exceeds `most`."""

    world: World
    most: float | None

    def __call__(self, slow: Slow, proposal: Proposal) -> Verdict:
        for candidate in proposal.candidates:
            if candidate.passes == 0:
                return Verdict(None, "no reward varied: there was nothing to learn")
            loss = self.drift(candidate.value)
            self.world.policy.put(slow.weights)
            said, trials = f"drift on the broad mixture {loss:.3f}", (Judged(1, loss),)
            if self.most is not None and loss > self.most:
                return Verdict(None, f"refused: {said}, over the budget of {self.most:g}", trials)
            return Verdict(candidate, f"kept {candidate.passes} steps: {said}", trials)
        return Verdict(None, str(proposal.evidence))

    def drift(self, slow: Slow) -> float:
        """KL to the reference in nats a token with these weights."""
        with self.world.clock("guard"):
            self.world.policy.put(slow.weights)
            return divergence(self.world.policy, self.world.broad)


def looks(task: Task, plan: Plan, start: int = 0) -> Iterator[Event]:
    """A cycle an event, from cycle `start`; a task that runs out of problems begins again."""
    every = some(task, "train", plan.seed, MOST)
    wide = plan.steps * plan.problems
    for number in range(start, plan.cycles):
        seen = [every[(number * wide + i) % len(every)] for i in range(wide)]
        batches = tuple(tuple(seen[i : i + plan.problems]) for i in range(0, wide, plan.problems))
        mixed = Random(number).sample(seen, len(seen))
        anchors = tuple(mixed[: plan.anchors])
        yield Event(Look(number, batches, anchors, tuple(mixed[plan.anchors :]) or anchors), wide)


@dataclass(frozen=True)
class Settings:
    """How prompts and weights learn, and by which method."""

    search: Search = Search()  # noqa: RUF009 - frozen
    lesson: Lesson = Lesson()  # noqa: RUF009 - frozen
    method: str = "fst"

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise UserError(f"method={self.method!r}: one of {', '.join(METHODS)}")


def adapted(
    world: World, plan: Plan, settings: Settings, life: Life | None = None
) -> Iterator[Life]:
    """Live through the cycles of a plan; yields the life after each. `life` resumes one."""
    slow = Slow(world.policy.taken()) if life is None else life.slow
    world.policy.put(slow.weights)
    channel = Prompts(world, plan, settings.search, settings.method)
    stream = live(
        looks(world.task, plan, 0 if life is None else life.cycle),
        slow,
        channel=channel,
        boundary=lambda state, event: True,
        sleep=Lessons(world, plan, settings.lesson, settings.method),
        guard=Budget(world, plan.budget),
        state=life,
    )
    for _, state, _ in stream:
        yield state
