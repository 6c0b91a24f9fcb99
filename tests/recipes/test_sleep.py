"""Laws of the recipes of sleep: what they say is what they make, and it learns."""

from dataclasses import replace

import pytest

from duotempo.core import UserError
from duotempo.recipes import sleep
from duotempo.recipes.sleep import SMALL, arm_run, depo, depo12, rule110, text
from duotempo.sleep.saved import load_sleeper
from duotempo.train import train


def test_an_unknown_arm_is_told_the_known_ones():
    with pytest.raises(UserError, match="N sampled"):
        arm_run("N=5")


@pytest.mark.parametrize("steps", [10, 300])
def test_the_steps_are_those_asked_for(steps):
    assert text(steps=steps).steps == steps
    assert arm_run("N=4", steps=steps).steps == steps
    assert rule110("N=1", steps).steps == steps


def test_default_recipes_are_the_sampled_arms():
    assert depo() == arm_run("N sampled")
    assert depo12().model.policy.passes == 6
    assert depo().model.policy.sampled
    assert text().model.policy.sampled


def test_a_small_memory_learns_its_first_hop_and_comes_back_with_its_policy(tmp_path):
    run = arm_run("N=4", replace(SMALL, nodes=4, hops=1, queries=3, rows=32), steps=60)
    trained = train(run, tmp_path / "run")
    assert trained.last["exact"] >= 0.9
    assert load_sleeper(trained.model).policy == run.model.policy


def test_windows_of_rule_110_hold_one_string():
    run = rule110()
    (width,) = {stage.task.width for stage in run.stages}
    assert run.model.policy.window == width
    assert [stage.task.steps for stage in run.stages] == list(range(sleep.RULE110_STEPS + 1))
