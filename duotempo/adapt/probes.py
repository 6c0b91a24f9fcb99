"""What a life keeps open: curves by steps and rollouts, plasticity, tasks one after the other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from duotempo.adapt.cycle import Plan, Settings, adapted
from duotempo.adapt.measures import Value, accuracy
from duotempo.adapt.policy import Policy
from duotempo.adapt.world import World
from duotempo.tasks.verifiable import Task, some


@dataclass(frozen=True)
class Stand:
    """Where a life stands after a cycle: steps that its plan had for the weights so far, made or
    not; rollouts so far by all; the best prompt, and what it is worth on the test."""

    steps: int
    rollouts: int
    prompt: str
    value: float


def watched(
    world: World, plan: Plan, settings: Settings, problems: int = 64, value: Value = accuracy
) -> Iterator[Stand]:
    """Live through a plan and measure the best prompt after every cycle, on the first `problems`
    of the test. Measuring draws nothing that the life would."""
    asked = some(world.task, "test", 0, problems)
    for life in adapted(world, plan, settings):
        spent = world.tally.fast_rollouts + world.tally.slow_rollouts
        best = life.population.best.text
        yield Stand(
            life.cycle * plan.steps, spent, best, value(world.policy, world.task, best, asked)
        )


def plasticity(
    world: World, plan: Plan, settings: Settings, problems: int = 64, value: Value = accuracy
) -> list[Stand]:
    """Can these weights still learn? Adapt them to the task of `world` as they are, and put them
    back: the curve, to be held beside that of weights that never learned anything.

    Source: FST, arXiv 2605.12484, the plasticity probe: fresh reinforcement learning of the next
    task, so `settings.method` is usually "rl".
    """
    before = world.policy.taken()
    try:
        return list(watched(world, plan, settings, problems, value))
    finally:
        world.policy.put(before)


@dataclass(frozen=True)
class Earlier:
    """A task of earlier, the prompt that was stored for it and what that was worth then."""

    task: Task
    prompt: str
    then: float


def retention(
    policy: Policy, tasks: Sequence[Earlier], problems: int = 64, value: Value = accuracy
) -> list[float]:
    """Earlier tasks tested again with the weights as they are, each under its stored prompt."""
    return [
        value(policy, each.task, each.prompt, some(each.task, "test", 0, problems))
        for each in tasks
    ]


@dataclass(frozen=True)
class Continual:
    """Tasks one after the other: what each was worth at the end of its own stage, and after all."""

    learned: tuple[float, ...]
    kept: tuple[float, ...]


def continual(
    worlds: Sequence[World],
    plan: Plan,
    settings: Settings,
    problems: int = 64,
    value: Value = accuracy,
    after: Callable[[int, Sequence[Stand]], None] = lambda number, stands: None,
) -> Continual:
    """Adapt one policy, which the worlds share, to the task of each world in turn.

    `after` is given the number of a stage, from 0, and its curve while the weights are as that
    stage left them.
    """
    done: list[Earlier] = []
    for number, world in enumerate(worlds):
        stands = list(watched(world, plan, settings, problems, value))
        done.append(Earlier(world.task, stands[-1].prompt, stands[-1].value))
        after(number, stands)
    kept = retention(worlds[0].policy, done, problems, value) if worlds else []
    return Continual(tuple(each.then for each in done), tuple(kept))
