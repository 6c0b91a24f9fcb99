"""A small model for conversations: it remembers sessions, compresses memories and replies."""

from duotempo.models.config import Config
from duotempo.tasks.sessions_rows import KINDS, Sessions, words
from duotempo.train import AdamW, Run, Stage

STEPS = 4800


def memory(steps: int = STEPS, kinds: tuple[str, ...] = KINDS) -> Run:
    """COMEDY's three tasks in one model of 1 M weights, on invented sessions.

    Mixed-task supervised training: a batch of each task in turns, after a stage of short memories
    to compress, from which looking up is learned soon. `kinds` names fewer tasks, for twins that
    learn one alone.
    """
    config = Config(
        vocab=len(words()), width=128, heads=4, window=None, layout=("attention",) * 4, ff=384,
        persistent=0, block_conv=4, start="copy",
    )  # fmt: skip
    short = Sessions(("compress",) if "compress" in kinds else kinds, 2)
    stages = (
        Stage(short, -(-steps // 10), 2e-3, warmup=min(100, steps), floor=0.9),
        Stage(Sessions(kinds, 6), -(-steps // 5), 1.8e-3, warmup=0, floor=0.8),
        Stage(Sessions(kinds), -(-steps * 7 // 10), 1.4e-3, warmup=0, floor=0.03),
    )
    return Run(config, stages, optimiser=AdamW((0.9, 0.98), 0.01))
