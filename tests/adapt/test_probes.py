"""Laws of probes: measuring costs no rollout, plasticity leaves no mark, tasks stay apart."""

from dataclasses import replace

import pytest

from duotempo.adapt.cycle import Settings, adapted
from duotempo.adapt.measures import worth
from duotempo.adapt.probes import Earlier, continual, plasticity, retention, watched
from duotempo.core import UserError
from duotempo.tasks.verifiable import Problem, Score, some
from tests.adapt.lives import EAGER, PLAN, SMALL, Lucky, same, world

RL = Settings(SMALL, EAGER, "rl")


class Broken(Lucky):
    """Its score always fails."""

    def score(self, problem: Problem, answer: str) -> Score:
        """Fails."""
        raise KeyError("unit")


def test_who_is_watched_lives_as_who_is_not():
    here, there = world(), world()
    stands = list(watched(here, PLAN, RL, 8, worth))
    *_, life = adapted(there, PLAN, RL)
    assert same(here.policy.taken(), life.slow.weights)
    assert here.tally.plain() == there.tally.plain()
    assert [stand.steps for stand in stands] == [2, 4]
    assert stands[-1].rollouts == here.tally.slow_rollouts
    problems = some(here.task, "test", 0, 8)
    assert stands[-1].value == worth(here.policy, here.task, Lucky.seed_prompt, problems)


def test_plasticity_leaves_no_mark():
    here = world()
    before = here.policy.taken()
    curve = plasticity(here, PLAN, RL, 8, worth)
    assert len(curve) == PLAN.cycles
    assert here.tally.slow_rollouts > 0
    assert same(before, here.policy.taken())


def test_plasticity_leaves_no_mark_when_it_fails():
    here = world(Broken())
    before = here.policy.taken()
    with pytest.raises(UserError, match="failed on"):
        plasticity(here, PLAN, RL, 8, worth)
    assert same(before, here.policy.taken())


def test_tasks_one_after_the_other_are_tested_at_their_end_and_after_all():
    first, second = world(), world(Lucky("double - -"))
    second = replace(second, policy=first.policy)
    seen = []
    done = continual([first, second], PLAN, RL, 8, worth, lambda n, s: seen.append((n, s[-1])))
    assert [number for number, _ in seen] == [0, 1]
    assert done.learned == tuple(stand.value for _, stand in seen)
    tasks = [Earlier(w.task, stand.prompt, stand.value)
             for w, (_, stand) in zip((first, second), seen, strict=True)]  # fmt: skip
    assert list(done.kept) == retention(first.policy, tasks, 8, worth)
    assert done.kept[1] == done.learned[1]
