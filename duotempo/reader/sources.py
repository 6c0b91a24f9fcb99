"""Sources as a stream of pieces: a file, a text, or pieces that arrive; and how far one came."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from duotempo.core import UserError
from duotempo.tasks import text

PIECE = 1000  # characters of a piece at least, twice as many at most
CUTS = (re.compile(r"(?<=\S) (?=\S)"), re.compile(r"(?<=\S)(?=\s)"))
"""Where text may be cut and its tokens stay the same; the second where there is no first."""


@dataclass(frozen=True)
class Place:
    """How far a text was read: its source, where in the source it begins, characters read."""

    name: str
    start: int
    done: int = 0

    @property
    def end(self) -> int:
        """The character of the source at which the next piece begins."""
        return self.start + self.done

    def after(self, piece: str) -> "Place":
        """The place when one more piece was read."""
        return replace(self, done=self.done + len(piece))


def open_source(source: str | Path | Iterable[str], name: str | None) -> tuple[str, Iterator[str]]:
    """A source's name and its text in pieces, which raise `UserError` if there is no word in it."""
    if isinstance(source, Path):
        return name or source.name, _worded(text.pieces(source, PIECE))
    if isinstance(source, str):
        return name or "text", _worded([source])
    return name or "stream", _worded(source)


def _worded(pieces: Iterable[str]) -> Iterator[str]:
    empty = True
    for piece in pieces:
        empty = empty and not piece.strip()
        for start in range(0, len(piece), PIECE):
            yield piece[start : start + PIECE]
    if empty:
        raise UserError("the text is empty: give one with at least one word")


def encoded(text: str) -> bytes:
    """The UTF-8 bytes of a text; raises `UserError` for one with half a character in it."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise UserError(
            f"text with half a character in it ({error.reason}): decode it anew"
        ) from error


def cut(pieces: Iterable[str]) -> Iterator[str]:
    """The same text in pieces of 1,000 to 2,000 characters, the same ones wherever it was cut.

    A piece ends before a space between two words, so that its tokens are those of running text.
    """
    rest = ""
    for piece in pieces:
        rest += piece
        while len(rest) >= 2 * PIECE:
            found = (mark.search(rest, PIECE, 2 * PIECE) for mark in CUTS)
            end = next((at.start() for at in found if at), 2 * PIECE)
            yield rest[:end]
            rest = rest[end:]
    if rest:
        yield rest


def beyond(pieces: Iterator[str], known: str) -> tuple[bool, Iterator[str]]:
    """Whether a text begins with `known`, and what of it follows; all of it if it does not."""
    done = 0
    for piece in pieces:
        part = known[done : done + len(piece)]
        if not piece.startswith(part):
            return False, chain([known[:done], piece], pieces)
        done += len(part)
        if done == len(known):
            return True, chain([piece[len(part) :]], pieces)
    return not known, iter([known[:done]])
