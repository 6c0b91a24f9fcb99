"""Latent thoughts: contexts written into vectors by a few gradient steps, and prose with them."""

from dataclasses import dataclass

from duotempo.core import UserError
from duotempo.models.config import Config
from duotempo.models.latent_config import LatentConfig
from duotempo.models.thinking import AMORTISED, Preset, Thinking
from duotempo.tasks.prose import Prose
from duotempo.tasks.recall import Recall
from duotempo.train import AdamW, Run, Stage

OPTIMISER = AdamW((0.9, 0.98), 0.01)
TASK = Recall(vocabulary=97, pairs=24, queries=16, length=80, rows=32)
"""24 pairs, told in one segment; asked for in the next one, which sees two tokens and z."""
RATE, STEPS = 4e-3, 400
TRAINED_AT = 4


@dataclass(frozen=True)
class Arm:
    """What differs in one arm: latents a block, steps in training, what gradients flow through."""

    latents: int = 8
    steps: int = TRAINED_AT
    through: bool = True


ARMS: dict[str, Arm] = {
    **{f"{n} latents": Arm(n) for n in (2, 4, 8, 32)},
    "8 latents, trained at T=1": Arm(steps=1),
    "8 latents, no gradient through the fit": Arm(through=False),
}
"""Every arm has the same weights to learn: slots have fixed addresses."""


def recall_run(arm: str = "8 latents", task: Recall = TASK, steps: int = STEPS) -> Run:
    """The run of an arm; raises `UserError` for a name that is none."""
    if arm not in ARMS:
        raise UserError(f"arm {arm!r} is unknown: use one of {', '.join(ARMS)}")
    made = ARMS[arm]
    config = Config(
        vocab=task.vocabulary, width=64, heads=4, window=2, layout=("latent",), ff=128,
        persistent=0, latents=made.latents,
    )  # fmt: skip
    preset = Preset(AMORTISED, made.steps)
    thinking = Thinking(2 * task.pairs, preset, through=made.through)
    stage = Stage(task, steps, RATE, warmup=min(50, steps))
    return Run(LatentConfig(config, thinking), (stage,), optimiser=OPTIMISER)


def recall() -> Run:
    """24 pairs written into 8 latent vectors in 4 gradient steps, context dropped: two minutes."""
    return recall_run()


def prose(steps: int = 300) -> Run:
    """Prose whose decoder sees 32 bytes, with latents carried from segment to segment of 128."""
    config = Config(
        width=128, heads=4, window=32, layout=("latent",) * 2, ff=256, persistent=0, latents=16
    )
    thinking = Thinking(128, Preset(AMORTISED, 1))
    task = Prose(length=1024, rows=4)
    held_out = Prose(length=1024, rows=4, split="held-out")
    stage = Stage(task, steps, warmup=min(20, steps))
    return Run(LatentConfig(config, thinking), (stage,), optimiser=OPTIMISER, held_out=held_out)


def paper(steps: int = 300) -> Run:
    """The paper's objective on prose: each segment of 128 bytes foretold with latents fitted to it
    by 4 natural-gradient steps, fresh noise, no gradient through the fit."""
    run = prose(steps)
    assert isinstance(run.model, LatentConfig)
    thinking = Thinking(128, Preset("natural", 4), learn="own", carry=0.0, through=False)
    return Run(
        LatentConfig(run.model.config, thinking), run.stages, optimiser=OPTIMISER,
        held_out=run.held_out,
    )  # fmt: skip
