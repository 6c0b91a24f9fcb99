"""Needles in prose: a million-parameter memory that recalls facts two million bytes later."""

from dataclasses import replace

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
    "mac": replace(MAG, layout=("attention", "mac"), ff=420),
    "mal": replace(MAG, layout=("attention", "mal"), ff=470),
    "lmm": replace(MAG, layout=("lmm", "lmm"), ff=470),
    "window": replace(MAG, layout=("attention", "attention"), ff=800, start="random"),
    "full attention": replace(
        MAG, layout=("attention", "attention"), ff=800, window=None, persistent=0, start="random"
    ),
    "gated delta": replace(MAG, memory=replace(MEMORY, rule="gated-delta")),
    "no momentum, no decay": replace(MAG, memory=replace(MEMORY, momentum=False, decay=False)),
}
"""The memory by its wiring, and its twins: other rules, and none, at equal parameters."""


TEXTS = Needle(
    source=TRAIN_NOVELS,
    held_out=HELD_OUT_NOVELS,
    lengths=(384, 512, 1024, 2048),
    kinds=("key", "key", "number", "word", "passkey", "passkey"),
    needles=(1, 2, 4),
    asked=None,
    decoys=10.0,
)
"""All kinds of needles among decoys, up to four in a text, all of them asked for at its end."""

BRIEF = replace(TEXTS, lengths=(72, 80), kinds=("passkey",), needles=(1,), decoys=0.0)
"""Texts that a window holds, so that a model without memory can learn what is wanted."""


def needle(arm: str = "mag", steps: int = 480) -> Run:
    """Needles of all kinds in prose, up to 2,048 bytes back: about six CPU minutes.

    An arm without memory spends its first stage on texts that its window holds: among longer ones
    it does not find out what is wanted.
    """
    has_gates = any(kind != "attention" for kind in ARMS[arm].layout)
    first = Mixed((replace(TEXTS, lengths=(384,)), BRIEF), (0.8, 0.2)) if has_gates else BRIEF
    then = Mixed(tuple(replace(task, prose_weight=1.0) for task in (TEXTS, BRIEF)), (0.8, 0.2))
    penalties = (Margin(1.0, ramp=0.3), Write(0.1, ramp=0.3), Decay(10.0))
    stages = (
        Stage(first, steps // 4, warmup=40, floor=1.0),
        Stage(then, steps - steps // 4, penalties=penalties if has_gates else ()),
    )
    held_out = replace(TEXTS, split="held-out")
    return Run(ARMS[arm], stages, optimiser=OPTIMISER, precision="bf16", held_out=held_out)


def passkey(steps: int = 300) -> Run:
    """One passkey in Python's help topics, by a quarter of a million weights: a few minutes."""
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
