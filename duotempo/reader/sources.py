"""Sources as a stream of pieces: a file, a text in hand, or pieces that arrive."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from duotempo.core import UserError
from duotempo.tasks import text

PIECE = 2000  # characters read at once


def pieces_of(source: str | Path | Iterable[str], name: str | None) -> tuple[str, Iterable[str]]:
    if isinstance(source, Path):
        return name or source.name, text.pieces(source, PIECE)
    if isinstance(source, str):
        return name or "text", _cuts(source, PIECE)
    return name or "stream", source


def _cuts(words: str, size: int) -> Iterator[str]:
    """A text in pieces of about `size` characters that end before a space."""
    if not words.strip():
        raise UserError("the text is empty: give one with at least one word")
    start = 0
    while start < len(words):
        end = words.find(" ", start + size)
        end = len(words) if end < 0 else end
        yield words[start:end]
        start = end


def after(pieces: Iterable[str], skip: int) -> Iterator[str]:
    """The pieces after the first `skip` characters."""
    for piece in pieces:
        if skip >= len(piece):
            skip -= len(piece)
            continue
        yield piece[skip:]
        skip = 0
