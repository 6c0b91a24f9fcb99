"""Laws of mixtures of tasks: batches of their parts, as often as asked, the same every time."""

from collections import Counter
from dataclasses import replace
from itertools import islice

import pytest
import torch

from duotempo.core import UserError
from duotempo.tasks.mixed import Mixed
from duotempo.tasks.recall import Recall
from duotempo.train import Stage, train
from tests.train.same import logged
from tests.train.tiny import Echo, a_run

SHORT = Recall(pairs=2, queries=2, length=12, rows=2)
LONG = replace(SHORT, length=20)


def test_parts_come_as_often_as_their_shares_say():
    mixed = Mixed((SHORT, LONG), (0.3, 0.9))
    seen = Counter(mixed.batch(0, index).tokens.shape[1] for index in range(2000))
    assert set(seen) == {12, 20}
    assert seen[12] / 2000 == pytest.approx(0.25, abs=0.04)


def test_a_part_with_no_share_never_comes():
    mixed = Mixed((SHORT, LONG), (0.0, 1.0))
    assert {mixed.batch(1, index).tokens.shape[1] for index in range(50)} == {20}


def test_a_batch_is_the_parts_own_and_the_same_every_time():
    mixed = Mixed((SHORT, LONG), (1.0, 1.0))
    for index, batch in enumerate(islice(mixed.batches(seed=5), 20)):
        part = SHORT if batch.tokens.shape[1] == 12 else LONG
        for other in (part.batch(5, index), mixed.batch(5, index)):
            assert all(torch.equal(vars(batch)[name], vars(other)[name]) for name in vars(batch))


def test_seeds_mix_differently():
    mixed = Mixed((SHORT, LONG), (1.0, 1.0))
    orders = [[mixed.batch(s, i).tokens.shape[1] for i in range(30)] for s in range(3)]
    assert orders[0] != orders[1] != orders[2]


def test_chance_is_the_mean_of_the_parts():
    other = replace(SHORT, pairs=4, length=20)
    mean = (3 * SHORT.chance + other.chance) / 4
    assert Mixed((SHORT, other), (3.0, 1.0)).chance == pytest.approx(mean)
    assert SHORT.chance != other.chance


@pytest.mark.parametrize("shares", [(), (1.0,), (1.0, -0.1), (0.0, 0.0), (1.0, 1.0, 1.0)])
def test_shares_that_do_not_fit_are_refused(shares):
    with pytest.raises(UserError, match="give one share a task"):
        Mixed((SHORT, LONG), shares)


def losses(task, folder):
    """The loss of each step of a training on a task, in pieces of five tokens."""
    train(a_run(stages=(Stage(task, 8, rate=1e-2, warmup=2, segment=5),)), folder)
    return [line["loss"] for line in logged(folder)]


def test_a_stage_learns_from_a_mixture_as_from_its_parts(tmp_path):
    short, long = Echo(), Echo(length=18)
    alone = losses(short, tmp_path / "alone")
    assert losses(Mixed((short, long), (1.0, 0.0)), tmp_path / "one") == alone
    both = losses(Mixed((short, long), (1.0, 1.0)), tmp_path / "both")
    assert torch.tensor(both).isfinite().all()
    assert both not in (alone, losses(long, tmp_path / "other"))
