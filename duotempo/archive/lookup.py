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


def query(question: str) -> str:
    """The FTS5 query for any text: sentences with any of its words, `""` when it has none.

    Every word is quoted, so operators and signs are only words; function words are left out
    unless there is nothing else.
    """
    words = list(dict.fromkeys(re.findall(r"\w+", question.lower())))
    telling = [w for w in words if w not in STOPWORDS] or words
    return " OR ".join(f'"{w}"' for w in telling[:MOST_WORDS])
