"""Laws of the cycle: who may move when, refusals that change no bit, resume equals uncut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import pytest
import torch

from duotempo.adapt.cycle import METHODS, Life, Plan, Settings, World, adapted, looks
from duotempo.adapt.learn import Lesson
from duotempo.adapt.native import WordPolicy
from duotempo.adapt.policy import Asked
from duotempo.adapt.prompts import Search, Trial
from duotempo.adapt.tally import Tally
from duotempo.core import UserError
from duotempo.models.config import Config
from duotempo.tasks.rulebook import RuleTask
from duotempo.tasks.rulebook_words import WORDS
from duotempo.tasks.verifiable import Problem, Score

PLAN = Plan(cycles=2, steps=2, problems=3, prompts=2, anchors=4, budget=None)
SMALL = Search(proposals=2, first=2, minibatch=2)
EAGER = Lesson(group=4, rate=1e-2, least=0.0)


@dataclass(frozen=True)
class Lucky:
    """A task whose score is the share of even digits, which random weights get in part."""

    seed_prompt: str = "solve - -"
    worth: float = 1.0

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """Digits."""
        return RuleTask("jump").problems(split, seed)[:50]

    def score(self, problem: Problem, answer: str) -> Score:
        """The share of even digits."""
        even = sum(word in "02468" for word in answer.split()) / 4
        return Score(self.worth * even)


def reword(prompt: str, trials: Sequence[Trial], random: Random) -> str | None:
    """Another word."""
    return f"{random.choice(WORDS[14:])} - -"


def world(task: object = None, seed: int = 0) -> World:
    """Random weights and a task."""
    torch.manual_seed(0)
    config = Config(
        vocab=len(WORDS), width=16, heads=2, window=None, layout=("attention",), ff=16, persistent=0
    )
    problems = RuleTask("jump").problems("train", 9)[:6]
    broad = [Asked("reverse - -", p) for p in problems]
    return World(WordPolicy(config.build()), task or Lucky(), reword, broad, Tally(seed))


def lived(method: str, plan: Plan = PLAN, here: World | None = None) -> tuple[Life, World]:
    """The last life of a plan."""
    here = here or world()
    return list(adapted(here, plan, Settings(SMALL, EAGER, method)))[-1], here


def same(left: dict, right: dict) -> bool:
    """Whether weights are alike bit for bit."""
    return all(tensor.equal(right[name]) for name, tensor in left.items())


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
