"""Latent thoughts: contexts written into vectors by a few gradient steps, and prose with them."""

from dataclasses import dataclass, replace

from duotempo.core import UserError
from duotempo.models.config import Config
from duotempo.models.latent_config import LatentConfig
from duotempo.models.thinking import AMORTISED, Preset, Thinking
from duotempo.tasks.prose import HeldOut, Prose, Source
from duotempo.tasks.recall import Recall
from duotempo.train import AdamW, Run, Stage

OPTIMISER, READER = AdamW((0.9, 0.98), 0.01), AdamW((0.9, 0.98), 0.05)
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

PASSAGE, TEXT_WINDOW, TEXT_SEGMENT, TEXT_STEPS = 4096, 4, 128, 200
LONGER, CARRY = 4, 0.99
PLAIN, FULL, MORE, PAPER = "window", "full", "window, longer", "paper"
LATENT, SILENT = "latents", "latents, never fitted"
READERS: dict[str, Thinking | None] = {
    PLAIN: None,
    FULL: None,
    MORE: None,
    LATENT: Thinking(TEXT_SEGMENT, Preset(AMORTISED, 1), CARRY),
    SILENT: Thinking(TEXT_SEGMENT, Preset(AMORTISED, 0), CARRY),
    PAPER: Thinking(TEXT_SEGMENT, Preset("natural", 4), 0.0, learn="own", through=False),
}
"""Arms that read prose, with equal weights (1.04 M, to 0.1 %) and batches: decoders with windows
of four bytes, or all, one of them trained `LONGER` times as long; 128 latents that every segment
of 128 bytes writes in one step, learned through the fits; the same without any fit; 8 latents by
the paper's objective."""


def recall_run(arm: str, task: Recall = TASK, steps: int = STEPS) -> Run:
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
    return recall_run("8 latents")


def text_run(
    arm: str, steps: int = TEXT_STEPS, source: Source = None, held_out: HeldOut = 0.1
) -> Run:
    """The run of an arm on prose, a passage a step; raises `UserError` for a name that is none."""
    if arm not in READERS:
        raise UserError(f"arm {arm!r} is unknown: use one of {', '.join(READERS)}")
    thinking, window = READERS[arm], None if arm == FULL else TEXT_WINDOW
    task = Prose(source, PASSAGE, 1, held_out=held_out)
    rate, more = (6e-3 if thinking is None else 3e-3), (LONGER if arm == MORE else 1)
    stage = Stage(task, steps * more, rate, min(20, steps), floor=0.05)
    kept = Prose(source, PASSAGE, 4, split="held-out", held_out=held_out)
    shape = Config(width=192, heads=4, window=window, layout=("attention",) * 2, persistent=0)
    if thinking is None:
        return Run(replace(shape, ff=560), (stage,), optimiser=READER, held_out=kept)
    layout = ("attention", "latent")
    slots, sharp, loud = (8, 1.0, 1.0) if arm == PAPER else (128, 3.5, 5.0)
    config = replace(shape, layout=layout, ff=432, latents=slots)
    model = LatentConfig(config, thinking, sharp, loud)
    return Run(model, (stage,), optimiser=READER, held_out=kept)


def prose(steps: int = TEXT_STEPS) -> Run:
    """Prose through windows of four bytes, with latents carried from segment to segment of 128."""
    return text_run(LATENT, steps)


def paper(steps: int = TEXT_STEPS) -> Run:
    """Prose by the paper's objective: each segment foretold with latents fitted to itself.

    Segments of 128 bytes, 4 steps of the natural gradient with fresh noise, no gradient through
    the fit.
    """
    return text_run(PAPER, steps)
