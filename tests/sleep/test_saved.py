"""Laws of saved models that sleep: the policy comes back, and a broken one is one sentence."""

import json
from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.saved import SLEEP, load_model, save_model
from duotempo.sleep.recurrent import SleeperConfig
from duotempo.sleep.saved import asleep, load_policy, load_sleeper
from duotempo.tasks.depo import Depo
from duotempo.train import Run, Stage, train
from tests.models.native import native
from tests.sleep.sleepers import HARD, SLEEPERS, gap, sleeper, text


@pytest.mark.parametrize("kind", ["hybrid", "the middle, sliding", "recalling"])
def test_a_model_comes_back_with_its_policy(kind, tmp_path):
    model = sleeper(kind)
    save_model(tmp_path / "m", model)
    again = load_sleeper(tmp_path / "m")
    assert again.policy == model.policy
    with torch.no_grad():
        assert gap(again(text()), model(text())) <= 1e-12
    assert type(load_model(tmp_path / "m")).__name__ == "Decoder", "awake it is the plain hybrid"


def test_training_saves_the_policy_beside_the_model(tmp_path):
    task = Depo(rows=2)
    config, _ = SLEEPERS["lmm"]
    model = SleeperConfig(replace(config, vocab=task.vocabulary), HARD)
    trained = train(Run(model, (Stage(task, 2),)), tmp_path / "run")
    assert load_sleeper(trained.model).policy == HARD


def test_a_model_that_was_trained_awake_has_no_policy(tmp_path):
    save_model(tmp_path / "m", native("gated delta"))
    assert load_policy(tmp_path / "m") is None
    with pytest.raises(UserError, match="trained without sleep"):
        load_sleeper(tmp_path / "m")
    awake = load_model(tmp_path / "m")
    assert asleep(awake, HARD).policy == HARD
    with pytest.raises(UserError, match="hold no fast weights"):
        asleep(native("window"), HARD)


@pytest.mark.parametrize("broken", ["{", "[]", '{"window": "x"}', '{"passes": 0}', '{"more": 1}'])
def test_a_broken_policy_is_one_sentence(broken, tmp_path):
    save_model(tmp_path / "m", sleeper("hybrid"))
    assert json.loads((tmp_path / "m" / SLEEP).read_text())["window"] == HARD.window
    (tmp_path / "m" / SLEEP).write_text(broken)
    with pytest.raises(UserError) as error:
        load_sleeper(tmp_path / "m")
    assert "\n" not in str(error.value)


def test_a_policy_of_enormous_length_is_not_read(tmp_path):
    save_model(tmp_path / "m", sleeper("hybrid"))
    (tmp_path / "m" / SLEEP).write_text(" " * 1_000_001)
    with pytest.raises(UserError, match="far longer"):
        load_sleeper(tmp_path / "m")
