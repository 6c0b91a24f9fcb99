"""Laws of the recipes of latents: arms of equal weights, contexts that are learned, an alarm."""

from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.latent_config import LatentConfig, alarm
from duotempo.models.latent_saved import load_latent
from duotempo.recipes.latent import (
    ARMS,
    LATENT,
    LONGER,
    MORE,
    PAPER,
    PLAIN,
    READERS,
    TASK,
    paper,
    prose,
    recall,
    recall_run,
    text_run,
)
from duotempo.tasks.prose import Prose
from duotempo.train import Stage, train
from duotempo.train.log import lines

SMALL = replace(TASK, vocabulary=17, pairs=4, queries=4, length=24, rows=32)


def test_an_unknown_arm_is_told_the_known_ones():
    with pytest.raises(UserError, match="32 latents"):
        recall_run("5 latents")


def test_every_arm_has_as_many_weights():
    models = [recall_run(arm).model.build() for arm in ARMS]
    assert len({sum(p.numel() for p in model.parameters()) for model in models}) == 1


def test_the_default_recall_is_the_main_arm():
    assert recall() == recall_run("8 latents")


def test_pairs_are_recalled_from_latents_after_the_window_has_lost_them(tmp_path):
    trained = train(recall_run("8 latents", task=SMALL, steps=70), tmp_path / "run")
    assert trained.last["exact"] >= 0.7
    model = load_latent(trained.model)
    batch = SMALL.batch(1, 5)
    deaf = model.thinking_as(preset=model.thinking.preset.at(0))
    asked = batch.answers
    right = [
        float((each(batch.tokens)[0].argmax(-1) == batch.targets)[asked].float().mean())
        for each in (model, deaf)
    ]
    assert right[0] >= 0.7
    assert right[1] <= 0.4


@pytest.mark.parametrize("recipe", [prose, paper])
def test_training_logs_whether_latents_are_of_use(tmp_path, recipe):
    run = recipe(steps=2)
    task = Prose(length=257, rows=1)
    run = replace(run, stages=(Stage(task, 2, warmup=1),), held_out=None)
    trained = train(run, tmp_path / "run")
    said = [line["watch"] for line in lines(tmp_path / "run" / "log.jsonl") if "watch" in line]
    assert said == [trained.watch]
    assert set(said[0]) == {"gain", "kl", "alarm"}


def test_latents_that_a_decoder_ignores_raise_the_alarm():
    run = recall_run("8 latents", task=SMALL)
    assert isinstance(run.model, LatentConfig)
    model = run.model.build().eval()
    with torch.no_grad():
        for block in model.blocks:
            block.latent.out.weight.zero_()
    batch = SMALL.batch(0, 0)
    said = run.model.watch(model, batch.tokens, batch.targets)
    assert said["gain"] == 0
    assert "do not help" in said["alarm"]


def test_latents_that_gain_less_than_their_kl_raise_the_alarm():
    """By the paper's objective KL is paid, so latents are to earn it; a fit of the next segment
    pays none."""
    assert alarm(0.1, None) is None
    assert alarm(0.1, 0.05) is None
    said = alarm(0.1, 0.2)
    assert said is not None
    assert "do not pay" in said
    wasteful = text_run(PAPER).model
    assert isinstance(wasteful, LatentConfig)
    model = wasteful.build().eval()
    with torch.no_grad():
        for layer in model.layers:
            model.blocks[layer].latent.out.weight.zero_()
    tokens = torch.full((1, 1025), 101)
    assert "do not help" in wasteful.watch(model, tokens[:, :-1], tokens[:, 1:])["alarm"]


def test_rows_without_a_second_segment_have_nothing_to_say():
    run = recall_run("8 latents", task=SMALL)
    batch = SMALL.batch(0, 0)
    short = (batch.tokens[:, : 2 * SMALL.pairs], batch.targets[:, : 2 * SMALL.pairs])
    assert isinstance(run.model, LatentConfig)
    assert run.model.watch(run.model.build(), *short) == {}


def test_every_reader_of_prose_has_as_many_weights_to_a_thousandth():
    models = [text_run(arm).model.build() for arm in READERS]
    sizes = [sum(p.numel() for p in model.parameters()) for model in models]
    assert min(sizes) >= 1_000_000
    assert max(sizes) / min(sizes) < 1.001


def test_readers_of_prose_read_the_same_batches():
    tasks = {text_run(arm, 7).stages[0].task for arm in READERS}
    assert len(tasks) == 1
    assert text_run(MORE, 7).steps == LONGER * text_run(PLAIN, 7).steps


def test_an_unknown_reader_is_told_the_known_ones():
    with pytest.raises(UserError, match="window, longer"):
        text_run("windows")


def test_loud_latents_are_heard_before_anything_is_learned():
    """One step of the fit on a repeated byte lowers what the next segment costs; that of a model
    begun with usual weights hardly does."""
    loud = text_run(LATENT).model
    assert isinstance(loud, LatentConfig)
    tokens = torch.full((1, 256), 101)
    gains = []
    for config in (loud, replace(loud, sharp=1.0, loud=1.0)):
        torch.manual_seed(0)
        model = config.build().eval()
        watched = config.watch(model, tokens[:, :-1], tokens[:, 1:])
        gains.append(watched["gain"])
    assert gains[0] > 1.0
    assert gains[0] > 5 * gains[1]
