"""Cuts running text into sentences, the same ones wherever the text was cut before."""

import re

MOST = 600
"""Characters of the longest sentence; what runs on is cut at white space, so memory stays flat."""

OPEN, CLOSE = "\"'“‘«([_*", "\"'”’»)\\]_*"
WIDE, SHUT = "。！？｡", "」』）】”’"
"""What ends a sentence, and may stand after that, where no space follows."""

BOUNDARY = re.compile(
    rf"(?:(?P<end>[.!?…]+)[{CLOSE}]*(?P<gap>\s+)|(?P<blank>\s*\n[ \t\r]*\n\s*)"
    rf"|[{WIDE}]+[{SHUT}]*\s*(?![\s{WIDE}{SHUT}]))"
    rf"(?=[{re.escape(OPEN)}]*(?P<next>[^\s{re.escape(OPEN)}]))"
)
BEFORE_NAMES = (
    "mr mrs ms mme dr prof st sr jr rev hon messrs capt col gen lt sgt maj adm gov sen rep pres "
    "vs cf viz approx ca mt ft"
)
TITLES = frozenset(BEFORE_NAMES.split())
NUMBERED = frozenset(("no", "nos", "fig", "figs", "eq", "sec", "ch", "vol", "p", "pp", "art"))
INITIALS = re.compile(r"[A-HJ-Z]|[A-Za-z](?:\.[A-Za-z])+")
CLOCK = frozenset(("a.m", "p.m"))


def split(text: str) -> list[str]:
    """Sentences of a text; joined they are the text. All are closed but the last, which is open.

    An open sentence may still grow: `split(a + b)` is `split(a)[:-1] + split(split(a)[-1] + b)`,
    since a sentence is closed only by what begins after it, and nothing before it matters.
    """
    found, start = [], 0
    while start < len(text):
        end = _end(text, start)
        found.append(text[start:end])
        start = end
    return found


def _end(text: str, start: int) -> int:
    """Where the sentence at `start` ends; the end of the text while it is open."""
    limit = start + MOST
    for mark in BOUNDARY.finditer(text, start, limit):
        if _closes(text[start : mark.start()], mark):
            return mark.end()
    if len(text) <= limit:
        return len(text)
    end = limit
    while end > start and not text[end - 1].isspace():
        end -= 1
    return end if end > start else limit


def _closes(said: str, mark: re.Match[str]) -> bool:
    """Whether a mark ends the sentence that has said so much."""
    if mark["end"] is None or mark["gap"].count("\n") > 1:
        return True
    if mark["next"].islower():
        return False
    words = said.split()
    if mark["end"] != "." or not words:
        return True
    last = words[-1].lstrip(OPEN)
    word = last.lower()
    if INITIALS.fullmatch(last):
        return word in CLOCK
    enumerates = len(words) == 1 and word.isdigit()
    numbers = word in NUMBERED and mark["next"].isdigit()
    return word not in TITLES and not enumerates and not numbers
