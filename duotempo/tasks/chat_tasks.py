"""Four short tasks for chat models: one word, a sum with its unit, a fact of a text, a label."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from duotempo.core import UserError
from duotempo.tasks.chat_words import (
    ASKED,
    CAPITALS,
    CITIES,
    DAYS,
    FIRST,
    MOODS,
    THINGS,
    UNITS,
)
from duotempo.tasks.seeds import seeded
from duotempo.tasks.verifiable import Problem, Score

MANY = {"train": 120, "test": 40}
"""Problems of each split, all different."""
PART, FOUND, SHORT = 0.1, 0.2, 0.6
"""What it is worth that the answer's first word stands somewhere, that all of it does, and how much
more that little stands beside it."""


@dataclass(frozen=True)
class ChatTask:
    """Problems of one kind, answered rightly by the expected words, after `before` others at most.

    `hints` are sentences that a prompt might say, for a reflector that goes by rules: the first
    `helpful` of them are true, the others beside the point. `advice`: what feedback on an answer
    without the right words says. A text belongs to one split for ever, by its hash.
    """

    name: str
    seed_prompt: str
    before: int
    advice: str
    hints: tuple[str, ...]
    helpful: int
    make: Callable[[Random], Problem] = field(repr=False)

    @property
    def good_prompt(self) -> str:
        """The seed prompt and every hint that helps, a line each."""
        return "\n".join([self.seed_prompt, *self.hints[: self.helpful]])

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """120 problems to train on, 40 to test on; no text is in both, whatever the seed.

        Raises `UserError` for another split.
        """
        if split not in MANY:
            raise UserError(f"split {split!r}: one of {', '.join(MANY)}")
        random, found = seeded(seed, list(MANY).index(split)), dict[str, Problem]()
        while len(found) < MANY[split]:
            problem = self.make(random)
            if _split(problem.text) == split:
                found[problem.text] = problem
        return tuple(found.values())

    def score(self, problem: Problem, answer: str) -> Score:
        """1 for an answer that ends in the expected words, after `before` others at most, whatever
        its case, quotes and full stop; 0.2 to 0.8 where they stand elsewhere, more among few
        words; 0.1 for the first of several (a number without its unit); else 0."""
        said = " ".join(answer.strip("\"'`. \n").lower().split())
        wanted = problem.answer.lower()
        beside = len(said.split()) - len(wanted.split())
        if f" {said}".endswith(f" {wanted}") and beside <= self.before:
            return Score(1.0, "right")
        if not _holds(said, wanted):
            worth = PART * _holds(said, wanted.split()[0])
            return Score(worth, f"{self.advice}; expected: {problem.answer}")
        worth = FOUND + SHORT / (1 + beside)
        return Score(worth, f"right, but say only the answer, nothing else: {problem.answer}")


def _holds(said: str, wanted: str) -> bool:
    """Whether words stand in a text as words of their own."""
    return re.search(rf"(?<!\w){re.escape(wanted)}(?!\w)", said) is not None


def _split(text: str) -> str:
    return "test" if sha256(text.encode()).digest()[0] % 4 == 0 else "train"


def _capital(random: Random) -> Problem:
    land = random.choice(list(CAPITALS))
    return Problem(random.choice(ASKED).format(land), CAPITALS[land])


def _sum(random: Random) -> Problem:
    one, two, unit = random.randint(1, 9), random.randint(1, 9), random.choice(UNITS)
    if random.random() < 0.5:
        return Problem(f"{one} {unit} + {two} {unit} = ?", f"{one + two} {unit}")
    return Problem(f"{one + two} {unit} - {two} {unit} = ?", f"{one} {unit}")


def _order(random: Random) -> Problem:
    facts = {
        "Which person": random.choice(FIRST),
        "Which city": random.choice(CITIES),
        "How many": str(random.randint(2, 60)),
        "Which items": random.choice(THINGS),
        "Which day": random.choice(DAYS),
    }
    who, where, many, what, day = facts.values()
    key = random.choice(list(facts))
    return Problem(f"{who} from {where} needs {many} {what} by {day}. {key}?", facts[key])


def _mood(random: Random) -> Problem:
    label, thing = random.choice(list(MOODS)), random.choice(THINGS)
    said = random.choice(MOODS[label]).format(thing=thing)
    return Problem(f"{random.choice(FIRST)} writes: {said}", label)


ONLY = "Say only the answer, nothing else."
BESIDE = (
    "Be polite and friendly.",
    "Think step by step.",
    "Write whole sentences.",
    "Say how sure you are.",
)
"""Hints that are beside the point."""

ALL = (
    ChatTask(
        "word", "Answer the question.", 0, "name the city",
        ("Answer with one word.", ONLY, *BESIDE),
        2, _capital,
    ),
    ChatTask(
        "units", "Solve the problem.", 8, "add or subtract, and give the number and the unit",
        ("Give only the number and the unit.", "Example: 9 metres", *BESIDE),
        2, _sum,
    ),
    ChatTask(
        "field", "Answer the question.", 8, "copy the answer from the text",
        ("Copy one word from the text.", ONLY, *BESIDE),
        2, _order,
    ),
    ChatTask(
        "label", "Read the message.", 8, "say the sentiment of the message, positive or negative",
        ("Classify the sentiment of the message as positive or negative.", ONLY, *BESIDE),
        1, _mood,
    ),
)  # fmt: skip
CHAT_TASKS: Mapping[str, ChatTask] = {task.name: task for task in ALL}
"""Name -> the task."""
