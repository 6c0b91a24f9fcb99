"""Needles in prose: a million-parameter memory that recalls facts two million bytes later."""

from dataclasses import replace

from duotempo.core import UserError
from duotempo.models.config import Config, MemoryConfig
from duotempo.tasks.mixed import Mixed
from duotempo.tasks.needle import Needle
from duotempo.tasks.prose import HELD_OUT_NOVELS, TRAIN_NOVELS
from duotempo.train import AdamW, Decay, Run, Stage, Write
from duotempo.train.penalty import Margin

MEMORY = MemoryConfig(
    heads=2,
    size=80,
    chunk=32,
    kernel=6,
    dilation=4,
    factors=2,
    lookahead=True,
    values="embedding",
    gate_hidden=64,
    dead_zone=0.1,
    gate_noise=0.5,
    decay_bias=-3.0,
    decay_most=0.05,
    normalise=False,
)
"""Keys hash the last twenty bytes; what is stored is the byte itself; gates can shut for good."""

MAG = Config(
    width=160,
    heads=4,
    window=64,
    layout=("attention", "mag"),
    ff=470,
    persistent=4,
    block_conv=4,
    combine="add",
    above=True,
    start="recall",
    memory=MEMORY,
)

OPTIMISER = AdamW((0.9, 0.98), 0.01)

ARMS: dict[str, Config] = {
    "mag": MAG,
    "mac": replace(MAG, layout=("attention", "mac"), ff=415),
    "mal": replace(MAG, layout=("attention", "mal"), ff=470),
    "lmm": replace(MAG, layout=("lmm", "lmm"), ff=527),
    "window": replace(MAG, layout=("attention", "attention"), ff=631, start="random"),
    "full attention": replace(
        MAG, layout=("attention", "attention"), ff=631, window=None, persistent=0, start="random"
    ),
    "gated delta": replace(MAG, memory=replace(MEMORY, rule="gated-delta")),
    "no momentum, no decay": replace(MAG, memory=replace(MEMORY, momentum=False, decay=False)),
}
"""The memory by its wiring, and its twins: other rules, and none, at equal parameters."""


ABLATIONS: dict[str, Config] = {
    "without momentum": replace(MAG, memory=replace(MEMORY, momentum=False)),
    "without decay": replace(MAG, memory=replace(MEMORY, decay=False)),
    "deep memory": replace(MAG, ff=430, memory=replace(MEMORY, rule="titans-mlp", hidden=160)),
    "without convolution": replace(MAG, block_conv=0, memory=replace(MEMORY, kernel=1)),
    "without persistent tokens": replace(MAG, persistent=0),
    "gates that never shut": replace(MAG, memory=replace(MEMORY, dead_zone=0.0, gate_noise=0.0)),
}
"""The memory with one thing taken away or changed."""

SLOWER = {"deep memory": 7e-4}
"""Arms that the common rate of learning breaks: their inner steps overshoot, and losses are NaN."""


def model(arm: str) -> Config:
    """The config of an arm or an ablation. Raises `UserError` for a name that neither has."""
    known = ARMS | ABLATIONS
    if arm not in known:
        raise UserError(f"arm {arm!r} is unknown: use one of {', '.join(known)}")
    return known[arm]


TEXTS = Needle(
    source=TRAIN_NOVELS,
    held_out=HELD_OUT_NOVELS,
    lengths=(384, 512),
    kinds=("key", "key", "number", "word", "passkey", "passkey"),
    needles=(1, 2, 4),
    asked=None,
    decoys=10.0,
)
"""All kinds of needles among decoys, up to four in a text, all of them asked for at its end."""

LONG = replace(TEXTS, lengths=(1024, 2048), needles=(2, 4, 8))
"""Longer ones, with up to eight needles to be told apart."""

BRIEF = replace(TEXTS, lengths=(72, 80), kinds=("passkey",), needles=(1,), decoys=0.0)
"""Texts that a window holds, so that a model without memory can learn what is wanted."""


def needle(arm: str = "mag", steps: int = 560) -> Run:
    """Needles of all kinds in prose, up to 2,048 bytes back: four minutes on one core.

    An arm without memory spends its first half on texts that its window holds: among longer ones
    it does not find out what is wanted.
    """
    then = tuple(replace(texts, prose_weight=1.0) for texts in (TEXTS, LONG, BRIEF))
    if arm in ("window", "full attention"):
        first = Stage(BRIEF, steps // 2, warmup=40, floor=1.0)
        rest = Stage(Mixed(then, (0.2, 0.4, 0.4)), steps - steps // 2)
        return _run(arm, first, rest)
    penalties = (Margin(1.0, ramp=0.3), Write(0.1, ramp=0.3), Decay(10.0))
    begin = Mixed((replace(TEXTS, lengths=(384,)), BRIEF), (0.8, 0.2))
    rate = SLOWER.get(arm, Stage.rate)
    first = Stage(begin, steps // 4, rate, warmup=40, floor=1.0)
    rest = Stage(Mixed(then, (0.3, 0.55, 0.15)), steps - steps // 4, rate, penalties=penalties)
    return _run(arm, first, rest)


def _run(arm: str, *stages: Stage) -> Run:
    held_out = replace(LONG, split="held-out")
    return Run(model(arm), stages, optimiser=OPTIMISER, precision="bf16", held_out=held_out)


def passkey(steps: int = 300) -> Run:
    """One passkey in Python's help topics, by a quarter of a million weights: about a minute."""
    memory = replace(MEMORY, size=48, gate_hidden=32)
    small = replace(MAG, width=96, ff=192, memory=memory)
    text = Needle(lengths=(256,), decoys=10.0, prose_weight=0.3)
    long = replace(text, lengths=(256, 512, 1024))
    penalties = (Margin(1.0, ramp=0.3), Write(0.1, ramp=0.3), Decay(10.0))
    stages = (
        Stage(text, steps // 3, warmup=40, floor=1.0),
        Stage(long, steps - steps // 3, penalties=penalties),
    )
    held_out = replace(text, split="held-out", lengths=(4096,))
    return Run(small, stages, optimiser=OPTIMISER, precision="bf16", held_out=held_out)
