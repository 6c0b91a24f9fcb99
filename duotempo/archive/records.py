"""What an archive gives back: sentences with their place, sources with their address."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sentence:
    """A sentence where it stands: characters `start` to `end` of its source, exactly as read.

    `text` carries the white space up to the next sentence. `score` is BM25, higher is better; it
    is 0 for a sentence that was not searched for.
    """

    id: int
    source: str
    start: int
    end: int
    text: str
    score: float = 0.0

    @property
    def line(self) -> str:
        """The sentence on one line, white space tidied: for a prompt or a screen."""
        return " ".join(self.text.split())


@dataclass(frozen=True)
class Source:
    """A source and its size; `sha256` names the UTF-8 bytes of all its text so far."""

    name: str
    sha256: str
    characters: int
    sentences: int
