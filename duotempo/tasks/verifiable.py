"""Tasks whose answers a program can judge: problems, a verifier, and what it may get wrong."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, runtime_checkable

from duotempo.core import UserError

MOST_FAULTS = 0.2
"""Share of answers that a verifier may fail on before a run stops."""
FEWEST = 20
"""Answers before that share means anything."""


@dataclass(frozen=True)
class Problem:
    """One problem as the model reads it; `answer` is for the verifier, if it needs one."""

    text: str
    answer: str = ""


@dataclass(frozen=True)
class Score:
    """What an answer is worth, from 0 to 1, and in words what was wrong with it."""

    value: float
    feedback: str = ""


@runtime_checkable
class Task(Protocol):
    """A task is one small file: a prompt to begin with, problems, a verifier.

    `problems` is the same on every call with the same split ("train" or "test") and seed, and
    long enough for a run; it may be a list or go on for ever.
    """

    @property
    def seed_prompt(self) -> str:
        """The prompt to begin with; a plain attribute will do."""
        ...

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """The problems of a split, in an order that belongs to the seed."""
        ...

    def score(self, problem: Problem, answer: str) -> Score:
        """What an answer to a problem is worth."""
        ...


def some(task: Task, split: str, seed: int, most: int) -> list[Problem]:
    """The first problems of a split. Raises `UserError` if there is none, or what is given are no
    problems."""
    found = list(islice(task.problems(split, seed), most))
    if not found:
        raise UserError(
            f"the task's problems({split!r}, {seed}) gave none: let it give at least one"
        )
    if not all(isinstance(each, Problem) for each in found):
        raise UserError(
            f"the task's problems({split!r}, {seed}) gave a {type(found[0]).__name__}: let it give "
            "objects of duotempo.tasks.verifiable.Problem"
        )
    return found


@dataclass(frozen=True)
class Grades:
    """Scores of answers in their order, None where the verifier failed, and how it failed."""

    scores: tuple[Score | None, ...]
    faults: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[float, ...]:
        """Values of the answers that could be judged."""
        return tuple(score.value for score in self.scores if score is not None)


def check_faults(faults: int, judged: int, said: str) -> None:
    """Raise `UserError` where a verifier failed on so many answers that a run is no use; `said`:
    how it failed."""
    if judged >= FEWEST and faults > MOST_FAULTS * judged:
        raise UserError(
            f"the task's score() failed on {faults} of {judged} answers, the latest with {said}: "
            "mend it, or let it return Score(0, feedback) for such answers"
        )


def grade(task: Task, problems: Sequence[Problem], answers: Sequence[str]) -> Grades:
    """Judge answers; one that the verifier fails on is reported and skipped."""
    scores: list[Score | None] = []
    faults: list[str] = []
    for problem, answer in zip(problems, answers, strict=True):
        found, fault = _judged(task, problem, answer)
        scores.append(found)
        faults += [fault] if fault else []
    return Grades(tuple(scores), tuple(faults))


def _judged(task: Task, problem: Problem, answer: str) -> tuple[Score | None, str]:
    try:
        found = task.score(problem, answer)
        value, feedback = float(found.value), str(found.feedback)
    except Exception as error:  # noqa: BLE001 - a stranger's code may fail in any way
        return None, f"{type(error).__name__}: {error}"
    if math.isnan(value) or not 0 <= value <= 1:
        return None, f"a value of {value}, which is not between 0 and 1"
    return Score(value, feedback), ""
