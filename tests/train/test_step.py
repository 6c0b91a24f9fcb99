"""Laws of a step: pieces change nothing that is not cut off, weights weigh, stages end in time."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import cross_entropy

from duotempo.core import UserError
from duotempo.train import AdamW, Muon, Run, Stage, Write, train
from duotempo.train.checkpoint import Learner, Progress
from duotempo.train.loop import moved
from duotempo.train.parallel import World
from duotempo.train.step import Outcome, backward, learn
from tests.train.same import logged
from tests.train.tiny import Config, Echo, a_run

TASK = Echo(length=16)


def gradients(stage, precision="fp32"):
    """The gradients of one batch, its loss and its penalty."""
    torch.manual_seed(0)
    model = Config(dropout=0.0).build()
    learner = Learner(model, (), World())
    batch = stage.task.batch(0, 0)
    weight = float(batch.weights.sum())
    part = backward(learner, stage, batch, precision=precision, weight=weight, share=1.0)
    return {n: p.grad for n, p in model.named_parameters()}, part.loss, part.penalty


@pytest.mark.parametrize("segment", [1, 4, 5, 16, 99])
def test_pieces_without_a_cut_give_the_gradients_of_the_whole(segment):
    whole = gradients(Stage(TASK, 1, penalties=(Write(0.5),)))
    pieces = gradients(Stage(TASK, 1, penalties=(Write(0.5),), segment=segment, detach_every=16))
    assert pieces[1:] == pytest.approx(whole[1:], rel=1e-5)
    for name, gradient in whole[0].items():
        assert torch.allclose(pieces[0][name], gradient, atol=1e-6), name


def test_a_cut_keeps_the_loss_and_stops_gradients():
    whole, cut = gradients(Stage(TASK, 1)), gradients(Stage(TASK, 1, segment=4))
    assert cut[1] == pytest.approx(whole[1], rel=1e-5)
    assert not torch.allclose(cut[0]["blocks.0.inner.weight"], whole[0]["blocks.0.inner.weight"])


def test_the_loss_is_the_weighted_mean():
    torch.manual_seed(0)
    model, batch = Config(dropout=0.0).build(), TASK.batch(0, 0)
    losses = cross_entropy(model(batch.tokens)[0].transpose(1, 2), batch.targets, reduction="none")
    mean = (losses * batch.weights).sum() / batch.weights.sum()
    assert gradients(Stage(TASK, 1))[1] == pytest.approx(mean.item(), rel=1e-5)


def test_autocast_comes_near():
    exact, rough = gradients(Stage(TASK, 1)), gradients(Stage(TASK, 1), "bf16")
    assert rough[1] == pytest.approx(exact[1], rel=0.02)
    assert rough[1] != exact[1]
    assert {g.dtype for g in rough[0].values()} == {torch.float32}


@pytest.mark.parametrize("optimiser", [AdamW(), Muon()])
def test_what_can_be_learned_is_learned(optimiser, tmp_path):
    class Same:
        """The same batch again and again."""

        vocabulary, chance = 11, 0.0

        def batch(self, seed, index):
            return Echo().batch(0, 0)

        def batches(self, seed):
            return iter(())

    stage = Stage(Same(), 80, rate=3e-2, warmup=5)
    run = Run(Config(width=32, dropout=0.0), (stage,), optimiser=optimiser)
    train(run, tmp_path)
    lines = logged(tmp_path)
    assert lines[-1]["loss"] < lines[0]["loss"] / 5
    assert lines[-1]["exact"] == lines[-1]["right"] == 1.0


def test_a_stage_is_left_when_it_is_passed():
    run = Run(Config(), (Stage(TASK, 50, leave_at=0.5), Stage(TASK, 2)))
    right = Outcome(1.0, 0.0, 1.0, 1.0, 0.1, 1.0, 64)
    places = [Progress()]
    while places[-1].stage == 0:
        places.append(moved(run, places[-1], right, 0.5))
    assert len(places) - 1 == 7, "1 - 0.9^7 is the first above 0.5"
    assert places[-1] == Progress(step=7, stage=1, tokens=7 * 64, seconds=3.5)
    mute = replace(right, exact=None)
    assert moved(run, places[1], mute, 0.5).passing == places[1].passing


def test_a_batch_that_weighs_nothing_is_refused(tmp_path):
    run = Run(Config(), (Stage(Echo(mute=True), 2),))
    with pytest.raises(UserError, match="a batch without weights teaches nothing"):
        train(run, tmp_path)


def test_a_loss_that_explodes_ends_the_run_before_the_model_is_spoiled():
    model = Config().build()
    learner = Learner(model, AdamW().build(model), World())
    with torch.no_grad():
        model.head.bias[0] = torch.inf
    before = model.embed.weight.detach().clone()
    with pytest.raises(UserError, match=r"step 1 has loss (nan|inf)"):
        learn(a_run(), learner, Progress())
    assert torch.equal(model.embed.weight, before)


@pytest.mark.parametrize(
    "settings",
    [{"steps": 0}, {"segment": 0}, {"detach_every": 0}, {"rate": 0.0}, {"floor": 2.0}],
)
def test_a_stage_that_cannot_be_is_refused(settings):
    with pytest.raises(UserError, match="in a stage: "):
        Stage(**{"task": TASK, "steps": 5, **settings})


def test_a_run_is_a_value():
    assert a_run() == a_run()
    assert hash(a_run()) == hash(a_run())
    assert a_run().identity != a_run(seed=1).identity
    assert eval(repr(a_run())) == a_run()
    with pytest.raises(UserError, match="a run without stages"):
        Run(Config(), ())


def test_a_shortened_run_keeps_its_stages():
    run = Run(Config(), (Stage(TASK, 900, warmup=30), Stage(TASK, 100)))
    assert [s.steps for s in run.shortened(10).stages] == [9, 1]
    assert [s.warmup for s in run.shortened(10).stages] == [0, 0]
    assert run.shortened(1000) == run.shortened(9999) == run
    assert [s.steps for s in run.shortened(1).stages] == [1, 1]
