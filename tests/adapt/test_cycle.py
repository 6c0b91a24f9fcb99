"""Laws of the cycle: who may move when, refusals that change no bit, resume equals uncut."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from duotempo.adapt.cycle import METHODS, Plan, Settings, adapted, looks
from duotempo.adapt.tally import Tally
from duotempo.core import UserError
from duotempo.tasks.verifiable import Problem, Score
from tests.adapt.lives import EAGER, PLAN, SMALL, Lucky, lived, same, world


def test_prompts_alone_leave_the_weights():
    here = world()
    before = here.policy.taken()
    life, _ = lived("prompt", here=here)
    assert same(before, life.slow.weights)
    assert same(before, here.policy.taken())
    assert here.tally.slow_rollouts == 0
    assert "leaves the weights alone" in life.verdict.reason


def test_weights_alone_learn_under_the_seed_prompt():
    here = world()
    before = here.policy.taken()
    life, _ = lived("rl", here=here)
    assert life.under == (Lucky.seed_prompt,)
    assert here.tally.fast_rollouts == 0
    assert here.tally.slow_rollouts == 2 * 2 * 3 * 4
    assert not same(before, life.slow.weights)
    assert same(life.slow.weights, here.policy.taken())


def test_weights_wait_until_a_prompt_beats_the_seed_prompt():
    here = world(Lucky(worth=0.0))
    before = here.policy.taken()
    life, _ = lived("fst", here=here)
    assert "the weights wait" in life.verdict.reason
    assert same(before, life.slow.weights)
    assert here.tally.slow_rollouts == 0


def test_weights_rest_where_no_reward_varies():
    here = world(Lucky(worth=0.0))
    before = here.policy.taken()
    life, _ = lived("rl", here=here)
    assert "nothing to learn" in life.verdict.reason
    assert same(before, life.slow.weights)
    assert here.tally.slow_rollouts > 0


def test_a_refused_update_leaves_every_bit():
    here = world()
    before = here.policy.taken()
    life, _ = lived("rl", replace(PLAN, budget=1e-9), here)
    assert "over the budget" in life.verdict.reason
    assert life.verdict.trials[0].loss > 1e-9
    assert same(before, life.slow.weights)
    assert same(before, here.policy.taken())
    assert life.slow.moments == {}


def test_sequential_searches_before_it_learns():
    here = world()
    lives = list(adapted(here, PLAN, Settings(SMALL, EAGER, "sequential")))
    searched = here.tally.fast_rollouts
    assert lives[0].population == lives[1].population
    assert searched > 0
    assert lives[1].population.best.text == lives[1].under[0]


def test_weights_learn_before_prompts_are_sought_at_last():
    here = world()
    lives = list(adapted(here, replace(PLAN, cycles=3), Settings(SMALL, EAGER, "rl-prompt")))
    assert [life.under for life in lives[:2]] == [(Lucky.seed_prompt,)] * 2
    assert same(lives[1].slow.weights, lives[2].slow.weights)
    assert lives[2].population.scores
    assert not lives[1].population.scores


class Several(Lucky):
    """With more than one prompt to begin with."""

    seed_prompts = ("double - -", "solve - -")


def test_a_task_may_give_several_prompts_and_its_seed_stays_to_be_beaten():
    here = world(Several())
    settings = Settings(replace(SMALL, size=2), EAGER, "prompt")
    lives = list(adapted(here, replace(PLAN, cycles=3), settings))
    first = [(p.text, p.number) for p in lives[0].population.prompts if p.number < 2]
    assert ("solve - -", 0) in first
    for life in lives:
        assert len(life.population.prompts) == 2
        assert 0 in [prompt.number for prompt in life.population.prompts]


class Faulty(Lucky):
    """Its score always fails, on few answers at a time."""

    def score(self, problem: Problem, answer: str) -> Score:
        """Fails."""
        raise KeyError("unit")


def test_a_verifier_that_always_fails_stops_a_run_of_small_batches():
    with pytest.raises(UserError, match="failed on 24 of 24"):
        lived("rl", here=world(Faulty()))


@pytest.mark.parametrize("method", METHODS)
def test_the_same_life_twice_is_the_same(method):
    first, second = (lived(method)[0] for _ in range(2))
    assert first.population == second.population
    assert same(first.slow.weights, second.slow.weights)


@pytest.mark.parametrize("method", METHODS)
def test_a_life_goes_on_as_if_it_had_not_been_cut(method):
    whole, there = lived(method)
    settings, here = Settings(SMALL, EAGER, method), world()
    half = next(adapted(here, PLAN, settings))
    fresh = replace(world(), tally=Tally.of(here.tally.plain()))
    *_, rest = adapted(fresh, PLAN, settings, half)
    assert rest.population == whole.population
    assert rest.cycle == whole.cycle
    moved = sum(step.moved for step in whole.slow.steps)
    assert moved > 0 or method == "prompt"
    assert same(rest.slow.weights, whole.slow.weights)
    assert fresh.tally.plain() == there.tally.plain()


def test_a_look_ahead_is_what_the_steps_will_see():
    look = next(iter(looks(Lucky(), PLAN))).content
    seen = [p for batch in look.batches for p in batch]
    assert len(seen) == PLAN.steps * PLAN.problems
    assert set(look.anchors) | set(look.others) == set(seen)
    assert not set(look.anchors) & set(look.others)


def test_a_task_without_problems_is_told():
    class Empty(Lucky):
        """No problems."""

        def problems(self, split: str, seed: int) -> Sequence[Problem]:
            """None."""
            return []

    with pytest.raises(UserError, match="gave none"):
        next(looks(Empty(), PLAN))


@pytest.mark.parametrize("wrong", [{"cycles": 0}, {"budget": 0.0}, {"anchors": 0}])
def test_a_plan_that_means_nothing_is_refused(wrong):
    with pytest.raises(UserError, match="at least 1"):
        Plan(**wrong)


def test_an_unknown_method_is_told_the_known_ones():
    with pytest.raises(UserError, match="sequential"):
        Settings(method="grpo")
