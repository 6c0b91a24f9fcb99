"""A living native model: it reads bytes without end in flat memory, answers, and can be saved."""

import codecs
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import torch

from duotempo.core import Event, Tell, UserError, Verdict, live, silent, state_folder
from duotempo.core.peak import peak_bytes
from duotempo.models.decoder import Decoder
from duotempo.models.latent_saved import load_native
from duotempo.models.native_folder import native_folder
from duotempo.models.stream_files import LAYOUT, load_stream, save_state
from duotempo.reader.byte_session import PIECE, Course, Forward, Heard, Part, never, spoken
from duotempo.reader.native_sleep import Nights, Sleeping, nights, nights_of
from duotempo.reader.session import Refuse, no_sleep
from duotempo.reader.settings import ANSWER
from duotempo.reader.sources import encoded, open_source
from duotempo.reader.speak import GREEDY, Sampling

BYTES = 256
STOPS = b".\n"
AWAKE = Refuse("a native model writes into its memory as it reads: it does not sleep")


@dataclass(frozen=True)
class NativeReading:
    """What one `read` did: tokens (bytes), seconds, bytes of state, the process's peak memory, and
    the windows that were slept on, as (passes that were kept, windows)."""

    tokens: int
    seconds: float
    state_bytes: int
    peak_bytes: int
    slept: tuple[tuple[int, int], ...] = ()

    @property
    def speed(self) -> float:
        """Tokens a second."""
        return self.tokens / self.seconds


@dataclass(frozen=True)
class NativeLife:
    """All that changes in a reader: what it has heard, and the source it was interrupted in."""

    heard: Heard
    unfinished: Part | None = None


class NativeReader:
    """A native model of bytes and the state of one stream; made by `NativeReader.open`.

    Asking and generating go on from a copy of the state and leave it as it is. `model_folder` is
    where the model lies, so that `load` finds it again. With `nights` it sleeps on every full
    window. Raises `UserError` for a model of other tokens than bytes.
    """

    def __init__(
        self,
        model: Decoder,
        model_folder: Path,
        tell: Tell = silent,
        nights: Nights | None = None,
    ) -> None:
        if model.config.vocab != BYTES:
            raise UserError(
                f"the model has a vocabulary of {model.config.vocab}, and reading text takes one "
                f"of {BYTES}: give a model that was trained on bytes"
            )
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model = model if nights is None else nights.model
        self.model = model.to(device).eval().requires_grad_(False)
        self.nights = nights
        self.model_folder, self.tell = model_folder.resolve(), tell
        self.last: NativeReading | None = None
        self._channel = Forward(self.model) if nights is None else nights.channel
        self._life = NativeLife(self._channel.init(None))

    @staticmethod
    def open(
        folder: str | Path, *, sleeping: Sleeping | None = None, tell: Tell = silent
    ) -> "NativeReader":
        """Open the model of a folder, or of the run in a folder; raises `UserError`.

        A model that was trained to sleep does so; `sleeping` says how, and has others sleep too.
        """
        found = native_folder(folder)
        if found is None:
            raise UserError(
                f"{folder} holds no native model: give the folder of one, or of a run of "
                "`duotempo train`"
            )
        tell(f"loading {folder}", 0, 1)
        model = load_native(found)
        return NativeReader(model, found, tell, nights(model, found, sleeping))

    @property
    def tokens_read(self) -> int:
        """Bytes that the stream has so far."""
        return int(self._life.heard.state.position[0])

    def read(self, source: str | Path | Iterable[str], *, name: str | None = None) -> NativeReading:
        """Read a text (str), a file (Path) or pieces of a stream; memory does not grow with it.

        Interrupted, the reader holds all up to the last 2,048 bytes; reading the same text or file
        under the same `name` next goes on from there, whereas pieces of a stream always come next.
        Raises `UserError` for an empty or unreadable source.
        """
        begun, before = time.perf_counter(), self.tokens_read
        slept = dict(self._life.heard.slept)
        course = self._course(source, name)
        size = _size(source)
        for event, heard in self._lived(course):
            course.went(event.content)
            self._life = NativeLife(heard, course.at)  # one assignment: an interrupt splits nothing
            self.tell(f"reading {course.name} | {_held(heard)}", course.done, size)
        self._life = replace(self._life, unfinished=None)
        seconds, state = time.perf_counter() - begun, self._life.heard.state
        new = tuple((n, windows - slept.get(n, 0)) for n, windows in self._life.heard.slept)
        read = self.tokens_read - before
        self.last = NativeReading(read, seconds, state.bytes, peak_bytes(), new)
        return self.last

    def _lived(self, course: Course) -> Iterator[tuple[Event, Heard]]:
        """The loop of the core over a source."""
        heard = self._life.heard
        if self.nights is None:
            chunks, slow = course.chunks(self.tokens_read % PIECE), None
            parts: dict[str, Any] = {"boundary": never, "sleep": no_sleep, "guard": AWAKE}
        else:
            chunks = course.chunks(self.nights.filled(heard), self.nights.window)
            parts, slow = self.nights.parts, self.nights.slow(heard)
        events = (Event(chunk, len(chunk)) for chunk in chunks)
        for event, after, _ in live(events, slow, channel=self._channel, state=heard, **parts):
            yield event, after

    def _course(self, source: str | Path | Iterable[str], name: str | None) -> Course:
        """A source from its beginning, or from where it was interrupted."""
        old = self._life.unfinished
        if old and isinstance(source, str | Path):
            course = Course(*open_source(source, name))
            if course.name == old.name and course.passes(old):
                return course
        return Course(*open_source(source, name))

    @property
    def idle(self) -> bool:
        """Whether a sleep has nothing to do at the end of a reading: always, full windows have been
        slept on by then and an open one is still in view."""
        return True

    def sleep(self, passes: int | None = None) -> Verdict:
        """Raises `UserError`: a native model sleeps whenever its window is full, or never."""
        why = AWAKE.reason if self.nights is None else "a full window is slept on by itself"
        raise UserError(f"{why}, so leave the sleep out")

    def ask(self, question: str, *, tokens: int = ANSWER) -> str:
        """What the model says next, up to a full stop, the end of a line or `tokens` bytes.

        A question is the beginning of a sentence, as the model has learned to end it. The state
        stays as it is.
        """
        prompt = question if question[:1].isspace() else f" {question}"
        said = "".join(self.stream(prompt, tokens=tokens, stops=STOPS))
        return said.strip()

    def generate(self, prompt: str = "", *, tokens: int = 64, sampling: Sampling = GREEDY) -> str:
        """Go on after what was read and `prompt` for so many bytes; the state stays as it is."""
        return "".join(self.stream(prompt, tokens=tokens, sampling=sampling))

    def stream(
        self,
        prompt: str = "",
        *,
        tokens: int = 64,
        sampling: Sampling = GREEDY,
        stops: bytes = b"",
    ) -> Iterator[str]:
        """`generate`, character by character, up to one of `stops`.

        What is no UTF-8 comes as the replacement character.
        """
        if tokens < 1:
            raise UserError(f"tokens={tokens}: ask for at least 1")
        heard = self._channel.listen(self._life.heard, encoded(prompt))
        said = islice(spoken(self._channel, heard, sampling), tokens)
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for byte in takewhile(lambda byte: byte not in stops, said):
            if text := decoder.decode(bytes([byte])):
                yield text
        if text := decoder.decode(b"", final=True):
            yield text

    def save(self, folder: Path | str) -> None:
        """Save everything but the model, atomically: a kill at any moment leaves the old state."""
        old = self._life.unfinished
        about = {"model": str(self.model_folder), "unfinished": asdict(old) if old else None}
        heard = self._channel.ready(self._life.heard)
        state, ahead = heard.state, heard.ahead
        if self.nights is not None:
            about |= {"sleep": self.nights.facts(heard)}
            state = self.nights.begun(heard)
            ahead = ahead if int(state.position[0]) else None
        save_state(folder, state, self.model, ahead=ahead, about=about)

    @staticmethod
    def load(
        folder: Path | str, *, model: str | Path | None = None, tell: Tell = silent
    ) -> "NativeReader":
        """A saved reader with its model, from `model` if that has moved; raises `UserError`."""
        folder = Path(folder)
        about = state_folder.read_facts(folder, LAYOUT).get("about")
        place = about.get("model") if isinstance(about, dict) else None
        if model is None and (not isinstance(place, str) or native_folder(place) is None):
            raise UserError(
                f"the model of the state in {folder} is not where it was ({str(place)[:200]!r}): "
                "put it back"
            )
        reader = NativeReader.open(model or str(place), tell=tell)
        if isinstance(about, dict) and about.get("sleep") is not None:
            found = nights_of(reader.model, about["sleep"])
            reader = NativeReader(reader.model, reader.model_folder, tell, found)
        elif reader.nights is not None:
            raise state_folder.broken(folder, "it does not say how its reader slept")
        stored = load_stream(folder, reader.model)
        if (stored.ahead is None) == (int(stored.state.position[0]) > 0):
            raise state_folder.broken(folder, "it does not say what comes next")
        if len(stored.state.position) != 1:
            raise state_folder.broken(folder, "it holds several streams and a reader has one")
        unfinished = _part(folder, stored.about.get("unfinished"))
        heard = Heard(stored.state, stored.ahead)
        if reader.nights is not None:
            heard = reader.nights.taken_up(heard, stored.about["sleep"])
        reader._life = NativeLife(heard, unfinished)
        return reader

    def fork(self) -> "NativeReader":
        """A second reader with the same past and a life of its own; the model is shared."""
        twin = NativeReader(self.model, self.model_folder, self.tell, self.nights)
        twin._life = self._life
        return twin

    def summary(self) -> dict[str, Any]:
        """What a person wants to know, ready for JSON; the speed is that of the last reading."""
        return {
            "kind": state_folder.NATIVE,
            "model": str(self.model_folder),
            "layout": list(self.model.config.layout),
            "window": self.model.config.window,
            "tokens_read": self.tokens_read,
            "state_bytes": self._life.heard.state.bytes,
            "tokens_per_second": self.last.speed if self.last else None,
            "peak_bytes": peak_bytes(),
            "sleep": self.nights.summary(self._life.heard) if self.nights else None,
        }


def _size(source: object) -> int:
    """Bytes of a file if they are those that will be read, else 0."""
    if isinstance(source, Path) and source.is_file() and source.suffix != ".gz":
        return source.stat().st_size
    return 0


def _held(heard: Heard) -> str:
    return f"{heard.state.bytes / 1e6:.2f} MB of state, peak {peak_bytes() / 1e6:.0f} MB"


def _part(folder: Path, told: object) -> Part | None:
    """The source that a saved reader was interrupted in, from what its file says."""
    if told is None:
        return None
    kinds = {"name": str, "done": int, "sha256": str}
    if not isinstance(told, dict) or {n: type(value) for n, value in told.items()} != kinds:
        raise state_folder.broken(folder, "it does not say in which text it was interrupted")
    return Part(**told)
