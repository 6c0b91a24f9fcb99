"""Scores that need no judge: token F1 as LoCoMo's, containment, evidence found, their intervals."""

import re
import string
from collections import Counter
from collections.abc import Callable
from functools import cache
from math import sqrt

from duotempo.converse.evaluate.records import Asked
from duotempo.core import UserError

ARTICLES = re.compile(r"\b(a|an|the|and)\b")
DENIALS = ("not mentioned", "no information available")
"""What an answer must say where there is none. Source: LoCoMo's published evaluation."""
Z = 1.959964
"""Of a 95 % interval."""


def scored(question: Asked, said: str) -> dict[str, float]:
    """An answer's scores by name; none where only a judge could give one."""
    if question.rule == "none":
        return {}
    if question.rule == "choice":
        return {"denied": float(any(each in said.lower() for each in DENIALS))}
    f1 = parts_f1 if question.rule == "parts" else token_f1
    return {"f1": f1(said, question.answer), "contains": float(contains(said, question.answer))}


def found(question: Asked, turns: set[str], sessions: set[str]) -> dict[str, float]:
    """How much of the evidence is under what was shown: the share of its turns, and whether any or
    all of its turns and sessions are. Source: recall of LoCoMo; recall_any and recall_all of
    LongMemEval, here of a set without ranks."""
    scores: dict[str, float] = {}
    if question.turns:
        scores["coverage"] = len(question.turns & turns) / len(question.turns)
    for level, gold, shown in (
        ("turn", question.turns, turns),
        ("session", question.sessions, sessions),
    ):
        if gold:
            scores[f"{level} any"] = float(bool(gold & shown))
            scores[f"{level} all"] = float(gold <= shown)
    return scores


def token_f1(said: str, gold: str) -> float:
    """F1 of stemmed words, each counted as often as it stands in both. Source: LoCoMo, which
    leaves out articles, "and" and punctuation."""
    mine, theirs = Counter(stems(said)), Counter(stems(gold))
    same = (mine & theirs).total()
    return 2 * same / (mine.total() + theirs.total()) if same else 0.0


def parts_f1(said: str, gold: str) -> float:
    """The mean over the gold answer's comma-split parts of the best F1 that a comma-split part of
    the answer has with it. Source: LoCoMo, multi-hop."""
    parts = gold.split(",")
    return sum(max(token_f1(a, b) for a in said.split(",")) for b in parts) / len(parts)


def contains(said: str, gold: str) -> bool:
    """A proxy: whether the gold answer's stemmed words stand in the answer in their order, next to
    each other. A right answer in other words is missed; a wrong one that holds them passes."""
    mine, theirs = stems(said), stems(gold)
    width = len(theirs)
    return width > 0 and any(mine[n : n + width] == theirs for n in range(len(mine) - width + 1))


def stems(text: str) -> list[str]:
    """Words without articles, "and", punctuation, case and endings."""
    plain = text.lower().translate(str.maketrans("", "", string.punctuation))
    return [_stem()(word) for word in ARTICLES.sub(" ", plain).split()]


@cache
def _stem() -> Callable[[str], str]:
    """Porter's algorithm as he published it (1980)."""
    try:
        import snowballstemmer  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UserError(
            'scores need snowballstemmer: run `pip install "duotempo[eval]"`'
        ) from error
    return snowballstemmer.stemmer("porter").stemWord


def wilson(mean: float, count: int) -> tuple[float, float]:
    """The 95 % interval of a share of `count` questions. For a mean of scores between 0 and 1 it
    is wide enough: no such scores spread more than zeros and ones do. It takes questions for
    independent; those of one conversation are not quite. Source: Wilson 1927."""
    if not count:
        raise UserError("an interval needs at least one question")
    z2 = Z * Z / count
    middle = (mean + z2 / 2) / (1 + z2)
    reach = Z * sqrt(max(0.0, mean * (1 - mean)) / count + z2 / (4 * count)) / (1 + z2)
    return max(0.0, middle - reach), min(1.0, middle + reach)
