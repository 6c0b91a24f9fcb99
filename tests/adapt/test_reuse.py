"""Laws of answers that are used twice: each once, none of another policy, one mean for all."""

from dataclasses import replace

import torch

from duotempo.adapt.cycle import Settings, adapted
from duotempo.adapt.learn import spread
from duotempo.adapt.policy import Asked, chosen
from duotempo.adapt.reuse import Kept, joined
from duotempo.tasks.verifiable import Problem
from tests.adapt.lives import EAGER, PLAN, SMALL, Lucky, same, world

PROBLEMS = Lucky().problems("train", 0)[:3]


def asked_of(prompt: str) -> list[Asked]:
    """Three problems under a prompt."""
    return [Asked(prompt, problem) for problem in PROBLEMS]


def test_joined_rollouts_have_the_logits_that_they_had_alone():
    here = world()
    parts = [here.policy.sample(asked_of(prompt), 1.0, 0) for prompt in ("jump", "jump ends -")]
    whole = joined(parts)
    assert whole.context.shape[0] == 6
    assert whole.pads[:3].sum() > parts[0].pads.sum()
    logp = chosen(here.policy.logits(whole), whole.tokens)
    alone = torch.cat([chosen(here.policy.logits(part), part.tokens) for part in parts])
    assert torch.allclose(logp, alone, atol=1e-5)
    assert torch.allclose(logp, whole.logp, atol=1e-5)


def test_a_kept_answer_is_given_away_once():
    here = replace(world(), kept=Kept())
    here.judge("jump - -", PROBLEMS)
    asked = spread(PROBLEMS, ["jump - -", "dec - -"], 4)
    rollouts, scores = here.drawn(asked, 1.0)
    assert rollouts.asked == tuple(asked)
    assert len(scores) == len(asked) == 12
    assert here.tally.reused == 3
    assert here.tally.slow_rollouts == 9
    again, _ = here.drawn(asked, 1.0)
    assert here.tally.reused == 3
    assert len(again) == 12


def test_all_kept_answers_ask_the_policy_nothing():
    here = replace(world(), kept=Kept())
    trials = here.judge("jump - -", PROBLEMS)
    rollouts, scores = here.drawn(asked_of("jump - -"), 1.0)
    assert here.tally.slow_rollouts == 0
    assert rollouts.answers == tuple(trial.answer for trial in trials)
    assert [score.value for score in scores if score] == [t.score.value for t in trials]


def test_answers_are_drawn_where_they_are_kept_and_first_choices_elsewhere():
    here = world()
    problems = [PROBLEMS[0]] * 24
    first = {trial.answer for trial in here.judge("jump - -", problems)}
    drawn = {trial.answer for trial in replace(here, kept=Kept()).judge("jump - -", problems)}
    assert len(first) == 1
    assert len(drawn) > 1


def test_no_answer_outlives_its_cycle():
    kept = Kept()
    here = replace(world(), kept=kept)
    lives = adapted(here, PLAN, Settings(SMALL, EAGER, "fst"))
    next(lives)
    kept.held[Asked("a prompt of long ago", Problem("1 2 3 4"))] = []
    next(lives)
    assert all(asked.prompt != "a prompt of long ago" for asked in kept.held)


def test_a_life_of_answers_used_twice_goes_on_as_if_it_had_not_been_cut():
    settings = Settings(replace(SMALL, first=6, proposals=4), EAGER, "fst")
    first = replace(world(), kept=Kept())
    *_, whole = adapted(first, PLAN, settings)
    second = replace(world(), kept=Kept())
    half = next(adapted(second, PLAN, settings))
    third = replace(world(), kept=Kept(), tally=second.tally)
    *_, rest = adapted(third, PLAN, settings, half)
    assert first.tally.reused > 0
    assert rest.population == whole.population
    assert same(rest.slow.weights, whole.slow.weights)
    assert third.tally.plain() == first.tally.plain()
