"""Two million bytes in flat memory: a passkey on the first page, asked for at the end."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from duotempo.core import Tell
from duotempo.core.peak import peak_bytes
from duotempo.models.native_folder import NEEDLE
from duotempo.reader.native import NativeReader
from duotempo.study.base import Size
from duotempo.study.page import Block, Heading, Prose, Table
from duotempo.tasks.text import default_text

BYTES: Mapping[Size, int] = {"full": 2_097_152, "smoke": 32_768}
PAGE = 2000
CUE = "The pass key is"
PIECE = 4096


@dataclass(frozen=True)
class Streamed:
    """A stream that was read: what stood in it and what the model says, bytes and seconds."""

    key: str
    answer: str
    read: int
    seconds: float
    state: int
    peak: int
    grown: int

    @property
    def right(self) -> bool:
        """Whether the answer is the passkey."""
        return self.answer == self.key

    def facts(self) -> dict[str, Any]:
        """The numbers, for JSON."""
        return {**asdict(self), "right": self.right}

    def lines(self) -> list[tuple[str, str]]:
        """The numbers, for people."""
        return [
            ("bytes read", f"{self.read:,} in {self.seconds:.0f} s"),
            ("bytes a second", f"{self.read / self.seconds:,.0f}"),
            ("state, all the time", f"{self.state:,} bytes"),
            ("peak memory grown while reading", f"{self.grown / 1e6:.1f} MB"),
            (f"{CUE} ...", f"{self.answer} ({'right' if self.right else f'it is {self.key}'})"),
        ]


def stream(size: Size, seed: int, tell: Tell) -> Streamed:
    """Read Python's help topics round and round, a passkey in the first page, and ask for it."""
    random = Random(seed)
    key = "".join(random.choice("0123456789") for _ in range(5))
    reader = NativeReader.open(NEEDLE, tell=tell)
    reader.read("".join(_text(4 * PIECE, "")))  # what a first call allocates is not growth
    reader, before = NativeReader.open(NEEDLE, tell=tell), peak_bytes()
    reading = reader.read(_text(BYTES[size], f" {CUE} {key}."), name="help topics")
    return Streamed(
        key=key,
        answer=reader.ask(CUE),
        read=reader.tokens_read,
        seconds=reading.seconds,
        state=reading.state_bytes,
        peak=peak_bytes(),
        grown=peak_bytes() - before,
    )


def _text(length: int, needle: str) -> Iterator[str]:
    """So many characters of prose with a needle near the beginning, in pieces."""
    text = default_text().text
    place = text.index(" ", PAGE // 2)
    yield text[:place] + needle
    done = place + len(needle)
    while done < length:
        for start in range(place, len(text), PIECE):
            piece = text[start : start + min(PIECE, length - done)]
            yield piece
            done += len(piece)
            if done >= length:
                return
        place = 0


def blocks(streamed: Streamed) -> list[Block]:
    """The demo page's part about the stream."""
    return [
        Heading(f"{streamed.read:,} bytes in flat memory"),
        Prose(
            "A model of a million weights, trained in minutes on a CPU, read Python's help topics "
            "round and round. A passkey stood on the first page. What it remembers fits into a "
            "state of constant size, which is all it has when it is asked at the end."
        ),
        Table(("", ""), streamed.lines()),
    ]
