"""How a reader lives: its settings, checked once."""

from dataclasses import dataclass

from duotempo.core import UserError
from duotempo.core.guard import MODES
from duotempo.sleep.passes import KINDS

FAST = (*KINDS, "none")
AT_MOST = 16384  # tokens that may wait for sleep: lessons over them take 1.2 MB per 1,000
SEGMENT = 256  # tokens of a lesson
ANSWER = 48  # tokens of an answer at most, unless more are asked for
SENSE = {
    "window": (16, "at least 16 tokens"),
    "every": (16, "at least 16 tokens; leave it out for one sleep"),
    "passes": (0, "0 (no sleep) or more"),
    "seed": (0, "a whole number from 0 up"),
}
"""The least value of a setting, and how to say so."""
MOST = 2**31  # of any setting: more than any model holds


@dataclass(frozen=True)
class Settings:
    """How a reader lives: kind of fast state, window and sleep in tokens, the guard's aim, seed.

    `every`: tokens that may leave the window before a sleep; None sleeps once, at rest (or when
    16,384 wait). `passes`: the most passes of one sleep; 0: never sleep. Raises `UserError` for
    values that make no sense.
    """

    fast: str = "weights"
    window: int = 512
    every: int | None = None
    mode: str = "generate"
    seed: int = 0
    passes: int = 8

    def __post_init__(self) -> None:
        if self.fast not in FAST:
            raise UserError(f"fast={self.fast!r} is unknown: use one of {', '.join(FAST)}")
        if self.mode not in MODES:
            raise UserError(f"mode={self.mode!r} is unknown: use one of {', '.join(MODES)}")
        for name in SENSE:
            if (value := getattr(self, name)) is not None or name != "every":
                check(name, value)


def check(name: str, value: object) -> None:
    """Raise `UserError` for a value that the setting `name` cannot have."""
    least, sense = SENSE[name]
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value < MOST:
        raise UserError(f"{name}={value!r}: must be {sense}")
