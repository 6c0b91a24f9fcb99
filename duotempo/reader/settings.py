"""How a reader lives: its settings, checked once."""

from dataclasses import dataclass

from duotempo.core import UserError
from duotempo.core.guard import MODES
from duotempo.sleep.passes import KINDS

FAST = (*KINDS, "none")
AT_MOST = 16384  # tokens that may wait for sleep: lessons over them take 1.2 MB per 1,000
SEGMENT = 256  # tokens of a lesson


@dataclass(frozen=True)
class Settings:
    """How a reader lives: kind of fast state, window and sleep in tokens, the guard's aim, seed.

    `every`: tokens that may leave the window before a sleep; None sleeps once, at rest (or when
    16,384 wait). Raises `UserError` for values that make no sense.
    """

    fast: str = "weights"
    window: int = 512
    every: int | None = None
    mode: str = "generate"
    seed: int = 0

    def __post_init__(self) -> None:
        if self.fast not in FAST:
            raise UserError(f"fast={self.fast!r} is unknown: use one of {', '.join(FAST)}")
        if self.mode not in MODES:
            raise UserError(f"mode={self.mode!r} is unknown: use one of {', '.join(MODES)}")
        if self.window < 16:
            raise UserError(f"window={self.window}: must be at least 16 tokens")
        if self.every is not None and self.every < 16:
            raise UserError(f"every={self.every}: at least 16 tokens; leave it out for one sleep")
