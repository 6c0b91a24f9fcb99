"""Where a sentence tells most: the gap of a probe, a word or, where no spaces are, some letters."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from duotempo.archive.lookup import HAN, HANGUL, KANA, MARKS, UNSPACED, alike, words

WORDS, LETTERS = range(4, 31), range(5, 91)
"""Words of a sentence that a gap is worth making in; letters of one in a script without spaces."""
SPAN = 4
"""Letters of a gap there, at most; 2 at least."""
NAME = 12
"""Letters of a word in katakana, which is masked whole: a name, or a word from abroad."""

ENDS = re.compile(r"(?<=[.!?])\s+|(?<=[。！？｡।॥။។])(?![」』”’）])\s*")
CLAUSES = re.compile(r"\s+|(?<=[，、；,;])")
ASKS = ("?", "？", "؟")
NUMBERS = "〇零一二三四五六七八九十百千万亿億两"
KATAKANA = "\u30a1-\u30fa\u30fc-\u30ff"
GRAMMAR = (
    "的了在是我你您他她它们們不有和就都也很这這那個个吗嗎呢吧啊"
    "与與把被给給对對从從到着著过過要会會能"
)
"""Signs of Chinese that say how, not what: gaps are made between them."""
TOKEN = re.compile(
    rf"(?:(?=[{UNSPACED}])[\w{MARKS}])+|[^\W{UNSPACED}](?:[^\W{UNSPACED}]|(?![{UNSPACED}])['{MARKS}-])*"
)
LETTER = re.compile(rf"[เ-ไເ-ໄ]?\w(?:[{MARKS}]|(?<=[\u1039\u17d2])\w)*")
"""What must not be cut: a letter with its signs, after a vowel of Thai or Lao that is written
first, with a letter of Burmese or Khmer that is written below it."""
PIECE = re.compile(
    rf"(?P<number>[{NUMBERS}]{{2,}})|(?P<katakana>[{KATAKANA}]+)|(?P<hiragana>[\u3041-\u309f]+)"
    rf"|(?P<han>(?:(?![{NUMBERS}]{{2}})[{HAN}])+)|(?P<hangul>[{HANGUL}]+)"
    rf"|(?P<other>[^{HAN}{KANA}{HANGUL}]+)"
)
WHOLE = re.compile(rf"[{NUMBERS}]{{2,}}|[{KATAKANA}]+")

Worth = tuple[bool, bool, bool, int, int]


@dataclass(frozen=True)
class Gap:
    """A place of a sentence; `worth` says how much it tells, `letters` how many letters it has, 0
    for a word between others."""

    start: int
    end: int
    worth: Worth
    letters: int = 0


def sentences(text: str) -> Iterator[str]:
    """Statements of a text that are neither too short nor too long to make a gap in; what runs on
    without spaces is taken clause by clause."""
    for sentence in ENDS.split(text):
        if not sentence or sentence.endswith(ASKS):
            continue
        size, good = _size(sentence)
        if size in good:
            yield sentence
        elif good is LETTERS and size >= LETTERS.stop:
            yield from (part for part in CLAUSES.split(sentence) if _size(part)[0] in LETTERS)


def gap(sentence: str, counts: Counter[str]) -> Gap | None:
    """Where it tells most, given how often the user says a word or a letter; None: nowhere."""
    return max(_gaps(sentence, counts), key=lambda found: found.worth, default=None)


def counted(texts: Iterable[str]) -> Counter[str]:
    """How often words are said, and letters of scripts without spaces."""
    found = (word for text in texts for word in TOKEN.findall(text.lower()))
    return Counter(part for word in found for part in (word if unspaced(word) else (word,)))


def unspaced(text: str) -> bool:
    """Whether a text begins in a script in which no spaces tell words apart."""
    return re.match(f"[{UNSPACED}]", text) is not None


def right(said: str, answer: str) -> bool:
    """Whether an answer holds the word, whatever its case, as a word of its own; of letters without
    spaces more than half of the pairs that stand side by side, since nobody knows where a word of
    theirs ends. A number, or a word in katakana, must be there whole.
    """
    said, answer = alike(said), alike(answer)
    if WHOLE.fullmatch(answer):
        kin = NUMBERS if answer[0] in NUMBERS else KATAKANA
        return re.search(f"(?<![{kin}]){answer}(?![{kin}])", said) is not None
    if unspaced(answer):
        pairs, held = words(answer), set(words(said))
        return 2 * sum(pair in held for pair in pairs) > len(pairs)
    apart = re.sub(f"[{UNSPACED}]+", " ", said)
    own = rf"(?<![\w{MARKS}]){re.escape(answer)}(?![\w{MARKS}])"
    return re.search(own, apart) is not None


def _size(sentence: str) -> tuple[int, range]:
    """Its words, or its letters where most of it has no spaces; and how many are good."""
    found = TOKEN.findall(sentence)
    spaced = sum(not unspaced(word) for word in found)
    letters = sum(len(LETTER.findall(word)) for word in found if unspaced(word))
    return (letters + spaced, LETTERS) if letters > spaced else (len(found), WORDS)


def _gaps(sentence: str, counts: Counter[str]) -> Iterator[Gap]:
    tokens = list(TOKEN.finditer(sentence))
    for token in tokens:
        if not unspaced(token[0]):
            yield Gap(*token.span(), _telling(token[0], tokens[0][0], counts))
    chinese = not re.search(f"[{KANA}]", sentence)
    for token in reversed(tokens):  # of two that tell as much the later: what is new comes late
        if not unspaced(token[0]):
            continue
        for first, last, kind in _spans(token[0], chinese):
            text, start = token[0][first:last], token.start() + first
            if sentence.count(text) == 1:
                often, many = max(counts[sign] for sign in text.lower()), len(LETTER.findall(text))
                worth = kind == "number", kind == "katakana", kind != "hiragana", -often, many
                yield Gap(start, start + len(text), worth, many)


def _spans(token: str, chinese: bool) -> Iterator[tuple[int, int, str]]:
    """Start, end and kind of what may be masked in letters without spaces, the last first."""
    for piece in reversed(list(PIECE.finditer(token))):
        kind = str(piece.lastgroup)
        parts = [piece.span()]
        if kind == "han" and chinese:
            between = re.compile(f"[^{GRAMMAR}]+").finditer(token, *piece.span())
            parts = [part.span() for part in between]
        elif kind == "hangul":  # a particle hangs on its end, of which nobody knows how long it is
            parts.append((piece.start(), piece.end() - 1))
        most = NAME if kind in ("number", "katakana") else SPAN
        for start, end in reversed(parts):
            yield from ((start + a, start + b, kind) for a, b in _windows(token[start:end], most))


def _windows(text: str, most: int) -> Iterator[tuple[int, int]]:
    """All of a piece if it has 2 to `most` letters; of a longer one every part of `SPAN`."""
    ends = [letter.span() for letter in LETTER.finditer(text)]
    if 2 <= len(ends) <= most:
        yield ends[0][0], ends[-1][1]
        return
    for first in range(len(ends) - SPAN, -1, -1):
        yield ends[first][0], ends[first + SPAN - 1][1]


def _telling(word: str, first: str, counts: Counter[str]) -> Worth:
    """A number before a name before a rare word before a long one."""
    name = word[0].isupper() and word != first and len(word) > 1
    return word.isdigit(), name, len(word) > 3, -counts[word.lower()], len(word)
