"""Texts: a file, a folder, standard input, or the real prose that every CPython carries."""

import gzip
import io
import re
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from pydoc_data import topics

from duotempo.core import UserError
from duotempo.tasks.substitutes import SUBSTITUTES

__all__ = ["SUBSTITUTES", "Text", "default_text", "load", "pieces", "rename", "stretch"]

SUFFIXES = (".txt", ".text", ".md", ".rst")
"""Files that a folder is read for, also with `.gz` behind."""

STDIN = "-"
ENCODING = "utf-8-sig"
PARAGRAPH = re.compile(r"\n(?:[ \t]*\n)+")
UNDERLINE = re.compile(r"\n([-*=~^\"+])\1{2,}$", re.MULTILINE)
SHORTEST = 80
"""Characters of the shortest paragraph that `stretch` begins with: headings are shorter."""

TOPICS = (
    "objects types typesfunctions typesmethods typesmodules specialattrs specialnames execmodel "
    "naming dynamic-features exceptions identifiers strings numbers atom-identifiers conversions "
    "binary comparisons booleans lambda calls subscriptions slicings operator-summary assignment "
    "assert import global nonlocal del pass return yield raise break continue compound truth "
    "numeric-types typesseq typesseq-mutable typesmapping string-methods formatstrings debugger"
)
"""The order in which a reader would take the topics; topics not named here follow by name."""


@dataclass(frozen=True)
class Text:
    """A text with its name and the sha256 of its UTF-8 bytes (line ends as `\\n`, no mark)."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """64 hexadecimal digits that name exactly this text in a result file."""
        return sha256(self.text.encode()).hexdigest()


def load(source: str | Path) -> Text:
    """The whole text of a file (UTF-8, also .gz), of a folder, or of standard input (`-`).

    A folder gives its text files (.txt .text .md .rst, also .gz; hidden ones left out) in order of
    their path, joined by an empty line. The name is the file's stem. Raises `UserError` for what
    is missing, empty or not text.
    """
    name = "stdin" if source == STDIN else _stem(Path(source))
    text = "".join(pieces(source, 1 << 20))
    if not text.strip():
        raise UserError(f"{_said(source)} holds only white space: give a text with words in it")
    return Text(name, text)


def pieces(source: str | Path, size: int) -> Iterator[str]:
    """Stream a source in pieces of at most `size` characters; joined they are the whole text.

    A piece ends before white space, so that the next begins with ` word` as a tokenizer sees it
    in running text; a word is cut only if with the space before it it is longer than `size`.
    Memory stays flat for endless input. Raises `UserError` as `load` does.
    """
    if size < 1:
        raise UserError(f"size={size}: must be at least 1 character")
    rest, empty = "", True
    for new in _chunks(source, size):
        rest, empty = rest + new, False
        while len(rest) > size:
            cut = _cut(rest[:size])
            yield rest[:cut]
            rest = rest[cut:]
    if empty:
        raise UserError(f"{_said(source)} is empty: give a text with words in it")
    yield rest


def default_text() -> Text:
    """Real technical prose without a download: Python's own help topics, in reading order.

    The topics quote one another; a paragraph is kept where it first stands. Another version of
    Python carries another text: name it by its sha256.
    """
    order = [t for t in TOPICS.split() if t in topics.topics]
    order += sorted(set(topics.topics) - set(order))
    kept: dict[str, str] = {}
    for topic in order:
        for paragraph in PARAGRAPH.split(UNDERLINE.sub("", topics.topics[topic])):
            kept.setdefault(" ".join(paragraph.split()), paragraph.rstrip())
    return Text("python-topics", "\n\n".join(p for words, p in kept.items() if words) + "\n")


def stretch(text: str, start: float, characters: int) -> str:
    """A stretch of about `characters` characters from a fraction `start` of the text on.

    It begins with a paragraph of some length (not a heading) and ends with a word; hard-wrapped
    lines are joined, indented blocks keep their lines. Raises `UserError` if too little follows.
    """
    if not 0 <= start < 1 or characters < 1:
        raise UserError(
            f"start={start}, characters={characters}: start must lie in [0, 1), characters above 0"
        )
    paragraphs = [_unwrapped(p) for p in PARAGRAPH.split(text[_paragraph(text, start) :])]
    first = next((i for i, p in enumerate(paragraphs) if len(p) >= SHORTEST), len(paragraphs))
    found = "\n\n".join(p for p in paragraphs[first:] if p)
    if len(found) < characters:
        raise UserError(
            f"only {len(found)} characters follow start={start}: ask for fewer than {characters}, "
            "start earlier or give a longer text"
        )
    if len(found) == characters or found[characters].isspace():
        return found[:characters].rstrip()
    return found[: _cut(found[:characters])].rstrip()


def rename(text: str, names: Sequence[tuple[str, str]]) -> str:
    """Put other names in place, whole words only (`Maria` leaves `Marian` alone), all at once.

    A plural or possessive `s` stays: `the Bertrams` become `the Ashdowns`.
    """
    table = dict(names)
    if not table:
        return text
    either = "|".join(re.escape(name) for name in sorted(table, key=len, reverse=True))
    whole = re.compile(rf"(?<![^\W_])(?:{either})(?=s?(?![^\W_]))")
    return whole.sub(lambda found: table[found[0]], text)


def _stem(path: Path) -> str:
    return path.with_suffix("").stem if path.suffix == ".gz" else path.stem


def _said(source: str | Path) -> str:
    return "standard input" if source == STDIN else f"'{source}'"


def _cut(piece: str) -> int:
    """Where to cut: before the last white space, or at the end if none has a word before it."""
    end = len(piece)
    while end and not piece[end - 1].isspace():
        end -= 1
    return len(piece[:end].rstrip()) or len(piece)


def _paragraph(text: str, start: float) -> int:
    """Where the first paragraph at or after the fraction `start` begins, in characters."""
    if start == 0:
        return 0
    found = PARAGRAPH.search(text, int(len(text) * start))
    return found.end() if found else len(text)


def _unwrapped(paragraph: str) -> str:
    lines = paragraph.strip("\n").split("\n")
    if any(line[:1].isspace() for line in lines):
        return "\n".join(line.rstrip() for line in lines)
    return " ".join(" ".join(lines).split())


def _chunks(source: str | Path, size: int) -> Iterator[str]:
    """What a source holds, at most `size` characters at a time, an empty line between files."""
    if source == STDIN:
        text = io.TextIOWrapper(sys.stdin.buffer, encoding=ENCODING)
        try:
            yield from _decoded(text, _said(source), size)
        finally:
            text.detach()  # standard input stays open
        return
    path = Path(source)
    if not path.exists():
        raise UserError(f"there is no file or folder '{source}': check the path")
    for number, file in enumerate(_texts(path) if path.is_dir() else [path]):
        if number:
            yield "\n\n"
        yield from _read(file, size)


def _read(file: Path, size: int) -> Iterator[str]:
    unpack = gzip.open if file.suffix == ".gz" else open
    try:
        with unpack(file, "rt", encoding=ENCODING) as text:
            yield from _decoded(text, _said(file), size)
    except (OSError, EOFError, zlib.error) as e:
        raise UserError(f"'{file}' cannot be read ({e}): check it and its permissions") from e


def _decoded(text: io.TextIOWrapper, said: str, size: int) -> Iterator[str]:
    try:
        while new := text.read(size):
            if "\0" in new:
                raise UserError(f"{said} is binary, not text: give a UTF-8 text file")
            yield new
    except UnicodeDecodeError as e:
        raise UserError(f"{said} is not UTF-8 text ({e.reason}): convert it to UTF-8") from e


def _texts(folder: Path) -> list[Path]:
    """The text files of a folder and its sub-folders, in order of their path."""
    found = sorted(
        p
        for p in folder.rglob("*")
        if p.name.removesuffix(".gz").endswith(SUFFIXES)
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
        and p.is_file()
    )
    if not found:
        raise UserError(
            f"the folder '{folder}' holds no text: give one with {', '.join(SUFFIXES)} files"
        )
    return found
