"""The control of every memory: lines of earlier sessions as they were said, looked up by words."""

from collections import Counter
from collections.abc import Callable, Sequence

from duotempo.archive.conversation_records import Line, Turn
from duotempo.archive.lookup import STOPWORDS, words, worths
from duotempo.converse.model import SAID


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
    worth = worths(_words(question), bags, len(bags))
    best = sorted(zip(worth, range(len(held)), strict=True), reverse=True)
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
