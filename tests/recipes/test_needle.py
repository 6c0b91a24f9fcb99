"""Laws of the needles' recipes: arms of equal size, all of which learn; steps that add up."""

from dataclasses import replace

import pytest

from duotempo.core import UserError
from duotempo.recipes.needle import ABLATIONS, ARMS, needle, passkey
from duotempo.tasks.needle import Needle
from duotempo.train import Stage, train

TEXT = Needle(lengths=(128,), tokens=256)


@pytest.mark.parametrize("arm", ARMS)
def test_arms_have_equally_many_weights(arm):
    def size(name: str) -> int:
        return sum(weight.numel() for weight in ARMS[name].build().parameters())

    assert size(arm) == pytest.approx(size("mag"), rel=0.01)


@pytest.mark.parametrize("arm", [*ARMS, *ABLATIONS])
def test_every_arm_learns_when_it_is_made_small(arm, tmp_path):
    run = needle(arm)
    small = replace(run.model, width=16, ff=16, memory=replace(run.model.memory, size=8, hidden=8))
    stages = (Stage(TEXT, 12, rate=1e-2, warmup=1),)
    run = replace(run, model=small, stages=stages, held_out=None)
    before = train(replace(run, stages=(replace(stages[0], steps=1),)), tmp_path / "one")
    after = train(run, tmp_path / "all")
    assert after.last["loss"] < 0.95 * before.last["loss"]


@pytest.mark.parametrize("arm", ["mag", "window"])
@pytest.mark.parametrize("steps", [4, 41, 560])
def test_the_steps_are_those_asked_for(arm, steps):
    assert sum(stage.steps for stage in needle(arm, steps=steps).stages) == steps
    assert sum(stage.steps for stage in passkey(steps=steps).stages) == steps


def test_an_unknown_arm_is_one_sentence():
    with pytest.raises(UserError, match="arm 'mamba' is unknown: use one of mag, mac"):
        needle("mamba")
