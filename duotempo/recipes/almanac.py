"""Small models for the almanac, with a store and without, to ask where their facts come from."""

from dataclasses import replace

from duotempo.core import UserError
from duotempo.models.config import Config, MemoryConfig
from duotempo.tasks.almanac import Almanac
from duotempo.tasks.mixed import Mixed
from duotempo.train import AdamW, Decay, Run, Stage

TASK = Almanac()
WINDOW, STEPS = 24, 1500
STORE, WITHOUT = "store", "no store"

MEMORY = MemoryConfig(
    rule="gated-delta", heads=1, size=128, chunk=32, kernel=2, factors=2, lookahead=True,
    values="embedding", gate_hidden=32, dead_zone=0.1, gate_noise=0.5, decay_bias=-3.0,
    decay_most=0.05, normalise=False,
)  # fmt: skip
"""Keys are made of two tokens, subject and relation; what is stored is the answer itself."""

ARMS: dict[str, Config] = {
    STORE: Config(
        vocab=TASK.vocabulary, width=64, heads=1, window=WINDOW, layout=("attention", "mag"),
        ff=160, persistent=4, block_conv=4, combine="add", above=True, start="recall",
        memory=MEMORY,
    ),
    WITHOUT: Config(
        vocab=TASK.vocabulary, width=64, heads=1, window=WINDOW, layout=("attention",) * 2,
        ff=316, persistent=4, block_conv=4, start="copy",
    ),
}  # fmt: skip


def arm_run(arm: str, task: Almanac = TASK, steps: int = STEPS) -> Run:
    """The run of an arm; raises `UserError` for a name that is none.

    Three steps in five have short texts that a window holds: among longer ones attention
    does not find out how to look up. A quarter of the later batches states 48 or 96 facts a text,
    so that a store learns to hold many.
    """
    if arm not in ARMS:
        raise UserError(f"arm {arm!r} is unknown: use one of {', '.join(ARMS)}")
    first = max(1, steps * 3 // 5)
    short = replace(task, told=(0,))
    long = replace(task, told=(48, 96), rows=max(1, task.rows * 3 // 8))
    penalties = (Decay(10.0),) if arm == STORE else ()
    mixed = Mixed((task, long), (0.75, 0.25))
    stages = (
        Stage(short, first, 3e-3, warmup=min(50, first), floor=1.0, penalties=penalties),
        Stage(mixed, max(1, steps - first), 3e-3, warmup=0, floor=0.03, penalties=penalties),
    )
    config = replace(ARMS[arm], vocab=task.vocabulary)
    return Run(config, stages, optimiser=AdamW((0.9, 0.98), 0.01))


def store() -> Run:
    """Facts of the world in weights, facts of a text in a store: 0.18 M weights."""
    return arm_run(STORE)


def plain() -> Run:
    """The twin without a store: what a text says is lost behind a window of 24 tokens."""
    return arm_run(WITHOUT)
