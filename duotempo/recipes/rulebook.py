"""The rulebook's base: a small model that knows rules by their names, for prompts to speak to."""

from duotempo.models.config import Config
from duotempo.tasks.rulebook import Rulebook
from duotempo.tasks.rulebook_words import WORDS
from duotempo.train import AdamW, Run, Stage

STEPS = 4000


def base(steps: int = STEPS) -> Run:
    """A model that does to four digits what the words before them say: 0.1 M weights, 4 minutes.

    Single operations it does without a fault, rules of two mostly, many of three not: work is
    left for the weights where a prompt has said what words can.
    """
    config = Config(
        vocab=len(WORDS), width=64, heads=4, window=None, layout=("attention",) * 2, ff=192,
        persistent=0,
    )  # fmt: skip
    stage = Stage(Rulebook(), steps, 4e-3, warmup=min(100, steps), floor=0.05)
    return Run(config, (stage,), optimiser=AdamW((0.9, 0.98), 0.01))
