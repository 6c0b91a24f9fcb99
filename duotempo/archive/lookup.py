"""Turns what a person asks into a full-text query that cannot go wrong."""

import re

MOST_WORDS = 100
"""Different words of a question that are looked up: what is longer is a text, not a question."""

SAYING_NOTHING = (
    "a about all am an and any are as at be been but by can could did do does for from had has "
    "have he her hers him his how i if in into is it its just kind me my no nor not of on or our "
    "ours s she should so some sort than that the their them then there these they this those to "
    "too up us was we were what when where which who whom whose why will with would you your yours"
)
STOPWORDS = frozenset(SAYING_NOTHING.split())
"""Words that say nothing about what is asked (`s`: what is left of `Orla's`)."""

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
"""Letters of scripts without spaces: Thai, Lao, Burmese, Khmer, kana, Han."""
RUNS = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")


def words(text: str) -> list[str]:
    """Words of a text in lower case; where a script has no spaces, every two letters that stand
    side by side."""
    found = re.findall(r"\w+", text.lower())
    if text.isascii():
        return found
    return [part for word in found for run in RUNS.findall(word) for part in _parted(run)]


def paired(word: str) -> bool:
    """Whether `words` cut this out of a script without spaces, two letters as a word."""
    return len(word) == 2 and RUNS.match(word) is not None and word[0] > "\u0dff"


def _parted(run: str) -> list[str]:
    if not re.match(f"[{UNSPACED}]", run):
        return [run]
    return [run[n : n + 2] for n in range(max(1, len(run) - 1))]


def query(question: str) -> str:
    """The FTS5 query for any text: sentences with any of its words, `""` when it has none.

    Every word is quoted, so operators and signs are only words; function words are left out
    unless there is nothing else.
    """
    words = list(dict.fromkeys(re.findall(r"\w+", question.lower())))
    telling = [w for w in words if w not in STOPWORDS] or words
    return " OR ".join(f'"{w}"' for w in telling[:MOST_WORDS])
