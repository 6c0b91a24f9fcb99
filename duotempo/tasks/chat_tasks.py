"""Four short tasks for chat models: a shape, units, a field, a label, judged by a program."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from random import Random

from duotempo.core import UserError
from duotempo.tasks.batch import seeded
from duotempo.tasks.chat_words import (
    CITIES,
    COMPLAINTS,
    DAYS,
    FIRST,
    LAST,
    MONTHS,
    THINGS,
    UNITS,
)
from duotempo.tasks.verifiable import Problem, Score

MANY = {"train": 600, "test": 200}
"""Problems of each split, all different."""


@dataclass(frozen=True)
class ChatTask:
    """Problems of one kind, what an answer is worth, and sentences that a prompt might say.

    `hints`: instructions for a reflector that goes by rules; the first `helpful` of them are true,
    the others beside the point. A text belongs to one split for ever, by its hash.
    """

    name: str
    seed_prompt: str
    hints: tuple[str, ...]
    helpful: int
    make: Callable[[Random], Problem] = field(repr=False)
    judge: Callable[[Problem, str], Score] = field(repr=False)

    @property
    def good_prompt(self) -> str:
        """The seed prompt and every hint that helps, a line each."""
        return "\n".join([self.seed_prompt, *self.hints[: self.helpful]])

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """600 problems to train on, 200 to test on; no text is in both, whatever the seed.

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
        """What an answer is worth: 1 for the right one and nothing beside it, less for parts."""
        return self.judge(problem, answer.strip().strip("\"'`").removesuffix("."))


def _split(text: str) -> str:
    return "test" if sha256(text.encode()).digest()[0] % 4 == 0 else "train"


def _has(answer: str, part: str) -> bool:
    """Whether an answer holds a part as words of its own."""
    return re.search(rf"(?<!\w){re.escape(part)}(?!\w)", answer) is not None


def _person(random: Random) -> Problem:
    first, last = random.choice(FIRST), random.choice(LAST)
    day, month, year = random.randint(1, 28), random.choice(MONTHS), random.randint(1930, 1999)
    text = f"{first} {last}, born on {day} {month} {year}"
    return Problem(text, f"{last}, {first} ({year})")


def _entry(problem: Problem, answer: str) -> Score:
    """A catalogue entry: `Last, First (year)`."""
    if answer == problem.answer:
        return Score(1.0, "right")
    names, year = problem.answer.removesuffix(")").split(" (")
    worth, wrong = 0.0, []
    if names in answer:
        worth += 0.35
    else:
        wrong.append("the last name comes first, then a comma and the first name")
    if f"({year})" in answer:
        worth += 0.35
    else:
        worth += 0.1 * _has(answer, year)
        wrong.append("the year stands in brackets")
    if len(answer) > len(problem.answer) + 2:
        wrong.append("nothing else may be said, no day and no month")
    return Score(worth, "; ".join(wrong or ["close"]) + f"; expected: {problem.answer}")


def _quantity(random: Random) -> Problem:
    large, small, short, times = random.choice(UNITS)
    many = random.randint(2, 99)
    return Problem(f"Convert {many} {large} to {small}.", f"{many * times} {short}")


def _converted(problem: Problem, answer: str) -> Score:
    """A number and its short unit: `700 cm`."""
    if answer == problem.answer:
        return Score(1.0, "right")
    number, unit = problem.answer.split()
    right = _has(answer.replace(",", ""), number)
    shape = re.fullmatch(rf"\d+ {unit}", answer) is not None
    wrong = [] if right else ["the number is wrong"]
    wrong += [] if shape else ["answer with the number and the short unit only"]
    return Score(0.5 * right + 0.2 * shape, "; ".join(wrong) + f"; expected: {problem.answer}")


def _order(random: Random) -> Problem:
    facts = {
        "name": f"{random.choice(FIRST)} {random.choice(LAST)}",
        "city": random.choice(CITIES),
        "count": str(random.randint(2, 60)),
        "item": random.choice(THINGS),
        "day": random.choice(DAYS),
    }
    key = random.choice(list(facts))
    said = (
        "Hello, this is {name} from {city}. I need {count} {item} by {day}.",
        "Please send {count} {item} to {name} in {city} on {day}.",
        "{name} here. Could {count} {item} come to {city} before {day}?",
    )
    return Problem(f"{random.choice(said).format(**facts)}\nField: {key}", f"{key}={facts[key]}")


def _pair(problem: Problem, answer: str) -> Score:
    """A field and its value: `city=Oslo`."""
    if answer == problem.answer:
        return Score(1.0, "right")
    key, value = problem.answer.split("=")
    found, shape = _has(answer, value), answer.startswith(f"{key}=")
    wrong = [] if found else ["that is not the value of the field"]
    wrong += [] if shape else ["write the field, an equals sign and the value"]
    if len(answer) > len(problem.answer) + 2:
        wrong.append("nothing else may be said")
    return Score(0.3 * found + 0.3 * shape, "; ".join(wrong) + f"; expected: {problem.answer}")


def _complaint(random: Random) -> Problem:
    label = random.choice(list(COMPLAINTS))
    thing, day = random.choice(THINGS), random.choice(DAYS)
    said = random.choice(COMPLAINTS[label]).format(thing=thing, day=day)
    return Problem(f"{said} {random.choice(FIRST)} {random.choice(LAST)}", label)


def _label(problem: Problem, answer: str) -> Score:
    """One of four words, and it alone."""
    said = answer.lower()
    if said == problem.answer:
        return Score(1.0, "right")
    expected = f"expected: {problem.answer}"
    if said in COMPLAINTS:
        return Score(0.2, f"that is a label, but the wrong one; {expected}")
    if _has(said, problem.answer):
        return Score(0.3, f"answer with the label only, one word; {expected}")
    labels = ", ".join(COMPLAINTS)
    return Score(0.0, f"answer with one word, a label: {labels}; {expected}")


ANSWER_ONLY = "Do not explain. Answer with that only."
BESIDE = (
    "Be polite and friendly.",
    "Think step by step.",
    "Write whole sentences.",
    "Say how sure you are.",
)
"""Hints that are beside the point."""

ALL = (
    ChatTask(
        "shape",
        "Rewrite the line as a catalogue entry.",
        ("Write the last name, a comma, the first name and the year in brackets.",
         "Example: Smith, John (1950)", ANSWER_ONLY, *BESIDE),
        3, _person, _entry,
    ),
    ChatTask(
        "units",
        "Solve the problem.",
        ("Answer with the number and the short unit only.", "Example: 300 cm",
         "Another example: 5000 m", *BESIDE),
        3, _quantity, _converted,
    ),
    ChatTask(
        "field",
        "Read the message and give the field.",
        ("Write the field, an equals sign and the value from the message.",
         "Example: city=Lisbon", "Another example: count=12", *BESIDE),
        3, _order, _pair,
    ),
    ChatTask(
        "label",
        "Say what the customer's message is about.",
        ("Answer with one word: money, parcel, repair or praise.",
         "Something broken is repair, something late is parcel.",
         "Bills and prices are money, thanks are praise.", *BESIDE),
        3, _complaint, _label,
    ),
)  # fmt: skip
CHAT_TASKS: Mapping[str, ChatTask] = {task.name: task for task in ALL}
"""Name -> the task."""
