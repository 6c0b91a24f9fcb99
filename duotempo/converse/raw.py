"""The control of every memory: lines of earlier sessions as they were said, looked up by words."""

import math
from collections import Counter
from collections.abc import Callable, Sequence

from duotempo.archive.conversation_records import Line, Turn
from duotempo.archive.lookup import STOPWORDS, words
from duotempo.converse.model import SAID

K, B = 1.2, 0.75
"""BM25's usual settings."""


def recalled(
    turns: Sequence[Turn],
    question: str,
    budget: int,
    size: Callable[[str], int],
    say: Callable[[Turn], str],
) -> list[Line]:
    """The user's turns nearest to a question by BM25 that fit a budget, in the order of saying;
    later ones first among equals."""
    held = [turn for turn in turns if turn.role == "user" and turn.text]
    bags = [Counter(_words(turn.text or "")) for turn in held]
    mean = sum(map(len, bags)) / max(1, len(bags))
    spread = Counter(word for bag in bags for word in bag)
    asked = set(_words(question))

    def worth(bag: Counter[str]) -> float:
        total = sum(bag.values())
        return math.fsum(
            math.log(1 + (len(bags) - spread[w] + 0.5) / (spread[w] + 0.5))
            * bag[w] * (K + 1) / (bag[w] + K * (1 - B + B * total / mean))
            for w in asked & bag.keys()
        )  # fmt: skip

    best = sorted(zip(map(worth, bags), range(len(held)), strict=True), reverse=True)
    kept, left = [], budget
    for value, place in best:
        cost = size(say(held[place]))
        if value > 0 and cost <= left:
            kept.append(place)
            left -= cost
    return [Line(SAID, say(held[place]), (held[place].id,)) for place in sorted(kept)]


def _words(text: str) -> list[str]:
    """Words that tell something, without their endings."""
    return [word.removesuffix("s") for word in words(text) if word not in STOPWORDS]
