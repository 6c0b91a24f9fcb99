"""A native model's reading session in the words of the core, byte by byte."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain

import torch
from jaxtyping import Float, Int
from torch import Tensor

from duotempo.core import Event, UserError, Verdict
from duotempo.models.decoder import Decoder, State
from duotempo.reader.sources import encoded
from duotempo.reader.speak import Sampling, pick

PIECE = 2048  # bytes that are read at a time


@dataclass(frozen=True)
class Heard:
    """The fast channel's state: the model's own, and the logits of the byte that comes next.

    While reading, which goes faster without logits, there is instead what they can be made of:
    the state before the last bytes, and those. `slept` counts the windows that were slept on, by
    the passes that were kept.
    """

    state: State
    ahead: Float[Tensor, "1 vocab"] | None = None
    last: tuple[State, bytes] | None = None
    slept: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Forward:
    """The channel: the model's forward pass over the bytes of an event."""

    model: Decoder

    def init(self, slow: object) -> Heard:
        return Heard(self.model.init(1))

    @torch.no_grad()
    def write(self, state: Heard, event: Event) -> Heard:
        if not event.content:
            return state
        after = self.model.read(self.tokens(event.content), state.state)
        return replace(state, state=after, ahead=None, last=(state.state, event.content))

    def after(self, state: Heard, verdict: Verdict) -> Heard:
        return state

    @torch.no_grad()
    def listen(self, heard: Heard, content: bytes) -> Heard:
        """As `write`, with the logits of what comes next."""
        if not content:
            return self.ready(heard)
        features, after = self.model.features(self.tokens(content), heard.state)
        return replace(heard, state=after, ahead=self.model.head(features[:, -1]), last=None)

    def ready(self, heard: Heard) -> Heard:
        """The same with the logits of what comes next, if anything was heard at all."""
        if heard.last is None:
            return heard
        before, content = heard.last
        return replace(heard, ahead=self.listen(Heard(before), content).ahead, last=None)

    def tokens(self, content: bytes) -> Int[Tensor, "1 time"]:
        """Bytes as the model takes them."""
        tokens = torch.frombuffer(bytearray(content), dtype=torch.uint8).long()[None]
        return tokens.to(self.model.embedding.weight.device)


def never(state: Heard, event: Event) -> bool:
    """The boundary of a model that writes into its memory as it reads: no sleep."""
    return False


def spoken(channel: Forward, heard: Heard, sampling: Sampling) -> Iterator[int]:
    """Bytes after what was heard, without end; `heard` itself stays as it is.

    Raises `UserError` when nothing was heard, or the model's numbers have run off.
    """
    generator = torch.Generator().manual_seed(sampling.seed)
    while True:
        if heard.ahead is None:
            raise UserError("nothing to go on from: read a text first or give a prompt")
        if not bool(heard.ahead.isfinite().all()):
            raise UserError(
                "the state's numbers have run off, so the model foretells nothing: read the text "
                "again into a new state"
            )
        byte = pick(heard.ahead[0].log_softmax(-1), sampling, generator)
        yield byte
        heard = channel.listen(heard, bytes([byte]))


@dataclass(frozen=True)
class Part:
    """How much of a source was read: its name, its first bytes by number and by sha256."""

    name: str
    done: int
    sha256: str


class Course:
    """The bytes of one source, and how far their reading has come."""

    def __init__(self, name: str, pieces: Iterable[str]) -> None:
        self.name, self.done = name, 0
        self._pieces: Iterator[bytes] = (encoded(piece) for piece in pieces)
        self._seen = hashlib.sha256()

    def passes(self, part: Part) -> bool:
        """Go past what was read before; False when the source does not begin so, and is used up."""
        for piece in self._pieces:
            known = piece[: part.done - self.done]
            self.went(known)
            if self.done == part.done:
                self._pieces = chain([piece[len(known) :]], self._pieces)
                break
        return self.at == part

    def chunks(self, filled: int, window: int = PIECE) -> Iterator[bytes]:
        """What follows, cut where a window is full, of which `filled` bytes are there already, and
        into no more than a PIECE.

        Cuts that always fall alike give a stream the same numbers however its source came.
        """
        rest = b""
        for piece in self._pieces:
            rest += piece
            while len(rest) >= (size := min(window - filled, PIECE - filled % PIECE)):
                yield rest[:size]
                rest, filled = rest[size:], (filled + size) % window
        if rest:
            yield rest

    def went(self, content: bytes) -> None:
        """So much more was read."""
        self._seen.update(content)
        self.done += len(content)

    @property
    def at(self) -> Part:
        """How far it has come."""
        return Part(self.name, self.done, self._seen.hexdigest())
