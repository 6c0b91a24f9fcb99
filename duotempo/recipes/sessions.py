"""A small model for conversations: it remembers sessions, compresses memories and replies."""

from dataclasses import replace

from duotempo.models.config import Config
from duotempo.tasks.sessions_rows import KINDS, Sessions, words
from duotempo.train import AdamW, Muon, Run, Stage

STEPS = 4800


def memory(steps: int = STEPS, kinds: tuple[str, ...] = KINDS) -> Run:
    """COMEDY's three tasks in one model of 1 M weights, on invented sessions.

    Mixed-task supervised training: a batch of each task in turns, after a stage of short memories
    to compress, from which looking up is learned soon. `kinds` names fewer tasks, for twins that
    learn one alone, from as many batches of it; `steps` are those of all three.
    """
    config = Config(
        vocab=len(words()), width=128, heads=4, window=None, layout=("attention",) * 4, ff=384,
        persistent=0, block_conv=4, start="copy",
    )  # fmt: skip
    share = len(kinds) / len(KINDS)
    begin, then, long = (-(-steps // 10), round(steps / 5 * share), round(steps * 0.7 * share))
    stages = [
        Stage(Sessions(kinds, 6), max(1, then), 1.8e-3, warmup=0, floor=0.8),
        Stage(Sessions(kinds), max(1, long), 1.4e-3, warmup=0, floor=0.03),
    ]
    if "compress" in kinds:
        short = Sessions(("compress",), 2)
        stages.insert(0, Stage(short, begin, 2e-3, warmup=min(100, begin // 2), floor=0.9))
    else:
        stages[0] = replace(stages[0], warmup=min(100, max(1, then) // 2))
    return Run(config, tuple(stages), optimiser=Muon(decay=0.01, rest=AdamW((0.9, 0.98), 0.01)))
