"""Turns what a person asks into words to look up, in any script, and a query that cannot fail."""

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from unicodedata import category, normalize

K, B = 1.2, 0.75
"""BM25's usual settings."""
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

MARKS = "".join(chr(n) for n in range(0x300, 0xFE30) if category(chr(n)).startswith("M"))
"""Signs that belong to the letter before them, as vowels do in Hindi and Thai; to Python they are
no part of a word."""
HAN = "\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = "\u3040-\u30ff"
HANGUL = "\u1100-\u11ff\uac00-\ud7a3"
UNSPACED = f"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff{HANGUL}{KANA}{HAN}"
"""Letters of scripts in which no spaces tell words apart: Thai, Lao, Burmese, Khmer, kana, Han; and
of Korean, where particles hang on every word."""
WORD = re.compile(rf"\w[\w{MARKS}]*")
RUNS = re.compile(f"[{UNSPACED}]+|[^{UNSPACED}]+")
RUN = re.compile(f"[{UNSPACED}]+")


def words(text: str) -> list[str]:
    """Words of a text in lower case; where no spaces tell them apart, every two letters that stand
    side by side. Wide and narrow forms of a sign are one."""
    if text.isascii():
        return re.findall(r"\w+", text.lower())
    found = WORD.findall(alike(text))
    return [part for word in found for run in RUNS.findall(word) for part in _parted(run)]


def alike(text: str) -> str:
    """A text in lower case, with one form of each letter (Unicode's NFKC): what people hold for the
    same is the same."""
    return normalize("NFKC", text.lower())


def paired(word: str) -> bool:
    """Whether `words` cut this out of a script without spaces, two letters as a word."""
    return len(word) == 2 and RUN.fullmatch(word) is not None


def _parted(run: str) -> list[str]:
    if not RUN.match(run):
        return [run]
    return [run[n : n + 2] for n in range(max(1, len(run) - 1))]


def letters(question: str) -> list[str]:
    """The words of a question that a full-text index of words does not know: those of scripts
    without spaces, by two letters."""
    return [word for word in dict.fromkeys(words(question)) if RUN.match(word)][:MOST_WORDS]


def worths(asked: Collection[str], bags: Sequence[Counter[str]], many: int) -> list[float]:
    """How well each of some texts, as counts of its words, answers to the words that are asked for
    (BM25), among `many` texts, of which the others hold none of them."""
    mean = sum(map(len, bags)) / max(1, len(bags))
    spread = Counter(word for bag in bags for word in bag)

    def worth(bag: Counter[str]) -> float:
        total = bag.total()
        return math.fsum(
            math.log(1 + (many - spread[w] + 0.5) / (spread[w] + 0.5))
            * bag[w] * (K + 1) / (bag[w] + K * (1 - B + B * total / mean))
            for w in set(asked) & bag.keys()
        )  # fmt: skip

    return [worth(bag) for bag in bags]


def query(question: str) -> str:
    """The FTS5 query for any text: sentences with any of its words, `""` when it has none.

    Every word is quoted, so operators and signs are only words; function words are left out
    unless there is nothing else.
    """
    words = list(dict.fromkeys(WORD.findall(question.lower())))
    telling = [w for w in words if w not in STOPWORDS] or words
    return " OR ".join(f'"{w}"' for w in telling[:MOST_WORDS])
