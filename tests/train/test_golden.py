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
    3.665566, 3.423989, 3.525542, 3.474539, 3.200993, 3.346362, 3.33096, 3.132337,
    3.045855, 3.065435, 3.265241, 3.159417, 3.046898, 3.090515, 3.115292, 3.039205,
    2.969429, 2.933466, 3.149678, 3.126867,
]  # fmt: skip


def test_the_losses_of_twenty_steps(tmp_path):
    """Not to the bit: another processor adds in another order, and twenty steps make it grow."""
    train(Run(MODEL, STAGES, seed=1), tmp_path)
    losses = [line["loss"] for line in logged(tmp_path)]
    assert losses == pytest.approx(LOSSES, abs=1e-5)
