"""A small model for conversations: it remembers sessions, compresses memories and replies."""

from duotempo.models.config import Config
from duotempo.tasks.sessions_rows import KINDS, Sessions, words
from duotempo.train import AdamW, Run, Stage

STEPS = 9000


def memory(steps: int = STEPS, kinds: tuple[str, ...] = KINDS) -> Run:
    """COMEDY's three tasks in one model of 0.9 M weights, on invented sessions.

    Mixed-task supervised training: a batch of each task in turns. `kinds` names fewer tasks, for
    twins that learn one alone.
    """
    config = Config(
        vocab=len(words()), width=128, heads=4, window=None, layout=("attention",) * 4, ff=384,
        persistent=0,
    )  # fmt: skip
    stage = Stage(Sessions(kinds), steps, 2e-3, warmup=min(200, steps), floor=0.05)
    return Run(config, (stage,), optimiser=AdamW((0.9, 0.98), 0.01))
