"""Golden losses: twenty steps of a small memory model, to be changed only on purpose."""

import pytest

from duotempo.models.config import Config, MemoryConfig
from duotempo.tasks.recall import Recall
from duotempo.train import Decay, Run, Stage, Write, train
from tests.train.same import logged

MEMORY = MemoryConfig(heads=2, size=8, chunk=8, dead_zone=0.1)
MODEL = Config(vocab=32, width=16, heads=2, window=8, layout=("mag",), ff=32, memory=MEMORY)
TASK = Recall(vocabulary=32, pairs=2, queries=2, length=16, rows=8)
STAGES = (
    Stage(TASK, 10, rate=1e-2, warmup=3, penalties=(Write(0.2, ramp=1.0), Decay(1.0))),
    Stage(TASK, 10, rate=1e-2, warmup=0, segment=8, detach_every=1),
)
LOSSES = [
    3.786381, 3.467985, 3.584518, 3.579426, 3.291287, 3.288519, 3.229658, 3.157865,
    3.186934, 2.988503, 3.295342, 3.272035, 3.018784, 3.120623, 3.122120, 2.969939,
    3.037411, 2.987255, 3.215859, 3.125113,
]  # fmt: skip


def test_the_losses_of_twenty_steps(tmp_path):
    """Not to the bit: another processor adds in another order, and twenty steps make it grow."""
    train(Run(MODEL, STAGES, seed=1), tmp_path)
    losses = [line["loss"] for line in logged(tmp_path)]
    assert losses == pytest.approx(LOSSES, abs=1e-5)
