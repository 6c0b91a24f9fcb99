"""Who edits prompts by rules: one line in, out, or in another's place, by what feedback names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from duotempo.adapt.prompts import Trial
from duotempo.core import UserError

WORD = re.compile(r"[^\W\d_]{4,}")
"""Words long enough to mean something."""


@dataclass(frozen=True)
class Lines:
    """Needs no model: a task offers `hints`, instructions of one line each, and a prompt is lines.

    A call adds a hint, drops a line or puts a hint in a line's place; the first line is only ever
    the task's. A share `chance` of hints is drawn evenly, the others by how many of their words the
    feedback on failures names. Raises `UserError` for no hints, or hints of several lines.
    """

    hints: Sequence[str]
    chance: float = 0.5
    name: str = "lines"

    def __post_init__(self) -> None:
        if not self.hints or any(not hint.strip() or "\n" in hint for hint in self.hints):
            raise UserError("hints: give at least one, each a sentence on a single line")

    def __call__(self, prompt: str, trials: Sequence[Trial], random: Random) -> str | None:
        """The prompt with one line changed; None where nothing failed."""
        failures = [t for t in trials if t.score.value < 1]
        if not failures:
            return None
        first, *lines = prompt.split("\n")
        new = [hint for hint in self.hints if hint not in lines]
        acts = ["add", "add"] * bool(new) + ["drop"] * bool(lines) + ["swap"] * bool(new and lines)
        act = random.choice(acts)
        place = random.randrange(len(lines)) if lines else 0
        kept = lines if act == "add" else lines[:place] + lines[place + 1 :]
        if act != "drop":
            where = len(kept) if act == "add" else place
            kept = [*kept[:where], self.hint(new, failures, random), *kept[where:]]
        return "\n".join([first, *kept])

    def hint(self, new: Sequence[str], failures: Sequence[Trial], random: Random) -> str:
        """One that the prompt does not say yet."""
        if random.random() < self.chance:
            return random.choice(new)
        named = {word for t in failures for word in words(t.score.feedback)}
        return random.choices(new, [len(named & words(hint)) + 0.1 for hint in new])[0]


def words(text: str) -> set[str]:
    """What a text speaks of."""
    return {word.lower() for word in WORD.findall(text)}
