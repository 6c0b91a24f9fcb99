"""Means of scores by arm and kind of question, with their intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duotempo.converse.evaluate.scores import wilson

EVERY = "all"
"""The kind that stands for all questions that have a score."""


@dataclass(frozen=True)
class Cell:
    """The mean of a score over `count` questions of a kind under an arm; `low` to `high` is its
    95 % Wilson interval, None for what is no share."""

    arm: str
    kind: str
    score: str
    mean: float
    count: int
    low: float | None = None
    high: float | None = None


def summary(rows: Sequence[Mapping[str, Any]]) -> list[Cell]:
    """Arms as they were asked, kinds by name and all together; and tokens beside a question.

    The last cells are conversations: whether the guard kept their memory."""
    groups: dict[tuple[str, str, str], list[float]] = {}
    tokens: dict[str, list[int]] = {}
    memories = [row["memory"] for row in rows if "memory" in row]
    for row in rows:
        if "memory" in row:
            continue
        tokens.setdefault(row["arm"], []).append(row["tokens"])
        for score, value in row["scores"].items():
            for kind in (row["kind"], EVERY):
                groups.setdefault((row["arm"], kind, score), []).append(value)
    arms = list(tokens)
    order = sorted(groups, key=lambda key: (arms.index(key[0]), key[1] == EVERY, key[1]))
    cells = [cell(key, groups[key]) for key in order]
    cells += [Cell(a, EVERY, "tokens", sum(n) / len(n), len(n)) for a, n in tokens.items()]
    stands = [float(bool(each["sentences"])) for each in memories]
    return [*cells, cell(("memory", "conversations", "has a memory"), stands)]


def cell(key: tuple[str, str, str], values: Sequence[float]) -> Cell:
    """A mean with its interval."""
    mean = sum(values) / len(values)
    return Cell(*key, mean, len(values), *wilson(mean, len(values)))
