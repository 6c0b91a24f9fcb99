"""Training: a run is a value, the loop is one page, and a killed run goes on bit for bit."""

from duotempo.train.checkpoint import load_model
from duotempo.train.evaluate import Score, evaluate
from duotempo.train.loop import Trained, train
from duotempo.train.optim import AdamW, Muon
from duotempo.train.penalty import Decay, Margin, Penalty, Sparse, Write
from duotempo.train.run import ModelConfig, Run, Stage

__all__ = [
    "AdamW",
    "Decay",
    "Margin",
    "ModelConfig",
    "Muon",
    "Penalty",
    "Run",
    "Score",
    "Sparse",
    "Stage",
    "Trained",
    "Write",
    "evaluate",
    "load_model",
    "train",
]
