"""A living model: it reads past its window, sleeps under a guard, answers, and can be saved."""

import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from duotempo.archive import Archive, Sentence
from duotempo.core import (
    Consolidator,
    Event,
    FixedShare,
    Guard,
    HeldOut,
    Tell,
    Trial,
    UserError,
    Verdict,
    live,
    silent,
)
from duotempo.models import pretrained
from duotempo.models.body import Body, open_body
from duotempo.models.pretrained import Pretrained
from duotempo.models.voices import Bits, bits, token_losses
from duotempo.reader import files, state
from duotempo.reader.lookup import question_prompt
from duotempo.reader.session import (
    Eviction,
    MixedLoss,
    Sleeper,
    Window,
    no_sleep,
    refuse,
)
from duotempo.reader.settings import AT_MOST, SEGMENT, Settings
from duotempo.reader.sources import after, pieces_of
from duotempo.reader.speak import GREEDY, Sampling, speak
from duotempo.sleep.lessons import Lessons
from duotempo.sleep.passes import KINDS, FastState, Passes, state_bytes

ANSWER = 48  # tokens of an answer at most


@dataclass(frozen=True)
class Reading:
    """What one `read` did: tokens, seconds, tokens that wait for sleep, bytes of fast state."""

    tokens: int
    seconds: float
    pending: int
    state_bytes: int


@dataclass(frozen=True)
class Answer:
    """An answer and the sentences of the archive that it was read from."""

    text: str
    sentences: tuple[Sentence, ...]


class Reader:
    """A pretrained model with a window, a fast state and an archive; made by `Reader.open`."""

    def __init__(self, model: Pretrained, settings: Settings, tell: Tell = silent) -> None:
        self.model, self.settings, self.tell = model, settings, tell
        self.awake = self._channel.init(None)
        self.memory: FastState | None = None
        self.unfinished: tuple[str, int] | None = None
        self.share = FixedShare()
        self.body: Body = open_body(model.model)
        self._folder = tempfile.TemporaryDirectory(prefix="duotempo-")
        self.archive = Archive.open(Path(self._folder.name) / "archive.sqlite")

    @staticmethod
    def open(model: str = "smollm2", *, tell: Tell = silent, **settings: Any) -> "Reader":
        """Open a model by name, folder or hub id; the other options are those of `Settings`.

        Raises `UserError` for an unknown model, a window larger than the model's, or a model whose
        layers the fast state does not know.
        """
        chosen = Settings(**settings)
        loaded = pretrained.load(model, tell=tell)
        if chosen.window > loaded.window_limit:
            raise UserError(
                f"window={chosen.window} is larger than {model}'s own {loaded.window_limit}: "
                "choose a smaller one; what leaves it is slept on"
            )
        return Reader(loaded, chosen, tell)

    def read(self, source: str | Path | Iterable[str], *, name: str | None = None) -> Reading:
        """Read a text (str), a file (Path) or pieces of a stream; memory does not grow with it.

        Sleeps on the way when `every` tokens have left the window. Interrupted, the reader holds
        all up to the last whole piece, and reading the same `name` again goes on from there.
        """
        name, pieces = pieces_of(source, name)
        begun, before = time.perf_counter(), self.awake.read
        skip = self.unfinished[1] if self.unfinished and self.unfinished[0] == name else 0
        done = skip
        for piece in after(pieces, skip):
            for _ in self._live([Event(self._ids(piece), len(piece))]):
                self.archive.append(name, piece)
                done += len(piece)
                self.unfinished = (name, done)
            self.tell(f"reading {name}", self.awake.read - before, 0)
        self.unfinished = None
        seconds = time.perf_counter() - begun
        waiting = len(self.awake.pending)
        return Reading(self.awake.read - before, seconds, waiting, state_bytes(self.memory))

    def sleep(self, passes: int | None = None) -> Verdict:
        """Sleep on what has left the window since the last sleep, at most `passes` times over it.

        The guard decides how many passes are kept, if any. Raises `UserError` when nothing waits.
        """
        most = Passes().most if passes is None else passes
        if most < 0:
            raise UserError(f"passes={most}: must be 0 (no sleep) or more")
        if not len(self.awake.pending):
            raise UserError(self._nothing())
        if most == 0:
            return Verdict(None, "no sleep was asked for: passes=0")
        for _ in self._live([Event(None)], most):
            pass
        return self.awake.verdict or Verdict(None, "has not slept yet")

    def ask(self, question: str, *, sentences: int = 4) -> Answer:
        """Look `sentences` up in the archive and answer from them, with the fast state off."""
        found = tuple(self.archive.search(question, sentences))
        context = self._ids(
            question_prompt(self.model.tokenizer, question, [s.text.strip() for s in found])
        )
        self._check_room(context)
        ids = []
        for token in islice(speak(self.body, context, None), ANSWER):
            if token in self._stops():
                break
            ids.append(token)
        return Answer(self._words(ids).strip(), found)

    def generate(self, prompt: str = "", *, tokens: int = 64, sampling: Sampling = GREEDY) -> str:
        """Go on in the text's vein after the window and `prompt`: both voices, mixed."""
        return "".join(self.stream(prompt, tokens=tokens, sampling=sampling))

    def stream(
        self, prompt: str = "", *, tokens: int = 64, sampling: Sampling = GREEDY
    ) -> Iterator[str]:
        """`generate`, piece by piece as it is decided."""
        context = torch.cat([self.awake.window, self._ids(prompt)])
        if not len(context):
            raise UserError("nothing to go on from: read a text first or give a prompt")
        self._check_room(context, tokens)
        ids, shown = [], ""
        for token in islice(speak(self.body, context, self.memory, self.share, sampling), tokens):
            if token in self._stops():
                return
            ids.append(token)
            text_now = self._words(ids)
            if not text_now.endswith("\ufffd"):  # a character may take several tokens
                yield text_now[len(shown) :]
                shown = text_now

    def score(self, words: str) -> Bits:
        """Bits a token of a text that follows the window: untouched, with memory alone, mixed."""
        ids = self._ids(words)
        stream = torch.cat([self.awake.window, ids])
        start = max(1, len(stream) - len(ids))
        if len(stream) - start < 1:
            raise UserError("the text to score is empty: give at least two words")
        slow, fast = [], []
        for a in range(start, len(stream), self.settings.window):
            b = min(a + self.settings.window, len(stream))
            rows = stream[None, max(0, a - self.settings.window) : b]
            x = self.body.trunk(rows).detach()
            slow += token_losses(self.body, x, rows, rows.shape[1] - (b - a))[0].tolist()
            if self.memory:
                skip = rows.shape[1] - (b - a)
                fast += token_losses(self.body, x, rows, skip, self.memory)[0].tolist()
        return bits(slow, fast if self.memory else None, self.share)

    def save(self, folder: Path | str) -> None:
        """Save everything but the model, atomically: a kill at any moment leaves the old state."""
        facts, tensors = state.pack(self.awake, self.memory)
        facts |= {
            "model": self.model.name,
            "fingerprint": self.model.fingerprint,
            "settings": asdict(self.settings),
            "unfinished": self.unfinished,
        }
        files.write(Path(folder), facts, tensors, self.archive.copy)

    @staticmethod
    def load(folder: Path | str, *, tell: Tell = silent) -> "Reader":
        """A saved reader; raises `UserError` for a broken folder or for another model."""
        saved = files.read(Path(folder))
        try:
            name, made_with = str(saved.facts["model"]), saved.facts["fingerprint"]
            settings, unfinished = Settings(**saved.facts["settings"]), saved.facts["unfinished"]
        except (KeyError, TypeError) as error:
            raise UserError(
                f"the state in {folder} lacks a setting ({error}): read the text into a new one"
            ) from error
        model = pretrained.load(name, tell=tell)
        if model.fingerprint != made_with:
            raise UserError(
                f"the state in {folder} was made with other weights than {name} has now: "
                "put those back or read the text again"
            )
        reader = Reader(model, settings, tell)
        reader.awake, reader.memory = state.unpack(saved.facts, saved.tensors, reader.body)
        reader.unfinished = (str(unfinished[0]), int(unfinished[1])) if unfinished else None
        reader._move_in(saved.archive)
        return reader

    def fork(self) -> "Reader":
        """A second reader with the same past and a life of its own; the model is shared."""
        twin = Reader(self.model, self.settings, self.tell)
        twin.awake, twin.memory, twin.unfinished = self.awake, self.memory, self.unfinished
        path = Path(twin._folder.name) / "parent.sqlite"
        self.archive.copy(path)
        twin._move_in(path)
        return twin

    def summary(self) -> dict[str, Any]:
        """What a person wants to know, ready for JSON."""
        awake, verdict = self.awake, self.awake.verdict
        return {
            "model": self.model.name,
            "fast": self.settings.fast,
            "mode": self.settings.mode,
            "window": self.settings.window,
            "tokens_read": awake.read,
            "tokens_slept_on": awake.slept,
            "tokens_waiting": len(awake.pending),
            "state_bytes": state_bytes(self.memory),
            "passes_kept": verdict.passes if verdict else 0,
            "verdict": verdict.reason if verdict else "has not slept yet",
            "sources": [source.name for source in self.archive.sources()],
        }

    @property
    def _channel(self) -> Window:
        size = self.settings.window
        return Window(size, min(SEGMENT, size), seed=self.settings.seed)

    def _live(self, events: Iterable[Event], most: int | None = None) -> Iterator[None]:
        sleep, guard = self._night(most)
        life = live(
            events,
            self.memory,
            channel=self._channel,
            boundary=Eviction(self.settings.every or AT_MOST),
            sleep=sleep,
            guard=guard,
            state=self.awake,
        )
        for _, self.awake, self.memory in life:
            yield

    def _night(self, most: int | None) -> tuple[Consolidator, Guard]:
        """Who proposes and who judges."""
        if self.settings.fast == "none":
            return no_sleep, refuse
        judge = MixedLoss(self.body, self.share)
        passes = Passes(seed=self.settings.seed)
        sleeper = Sleeper(
            self.body,
            KINDS[self.settings.fast](),
            Lessons(self._channel.segment, self.settings.window),
            passes if most is None else replace(passes, most=most),
            judge,
            self.tell,
        )
        return sleeper, HeldOut(judge, self.settings.mode, heard=self._heard)

    def _move_in(self, archive: Path) -> None:
        """Live with a copy of an archive from now on; the file itself is left as it is."""
        self.archive.close()
        path = Path(self._folder.name) / "moved.sqlite"
        shutil.copyfile(archive, path)
        self.archive = Archive.open(path)

    def _heard(self, trial: Trial) -> None:
        self.tell(f"guard: N={trial.passes} {trial.loss:.3f} bits", 0, 0)

    def _ids(self, words: str) -> Int[Tensor, " tokens"]:
        ids = self.model.tokenizer(words, add_special_tokens=False).input_ids
        return torch.tensor(ids, dtype=torch.long)

    def _words(self, ids: list[int]) -> str:
        return str(self.model.tokenizer.decode(ids))

    def _stops(self) -> set[int]:
        found = self.model.model.generation_config.eos_token_id
        own = found if isinstance(found, list) else [found]
        return {token for token in (*own, self.model.tokenizer.eos_token_id) if token is not None}

    def _check_room(self, context: Tensor, tokens: int = ANSWER) -> None:
        if len(context) + tokens > self.model.window_limit:
            raise UserError(
                f"window, prompt and answer take {len(context) + tokens} tokens, the model holds "
                f"{self.model.window_limit}: shorten the prompt or ask for fewer tokens"
            )

    def _nothing(self) -> str:
        read = self.awake.read
        if read > self.settings.window:
            return "nothing has left the window since the last sleep: read on before sleeping again"
        return (
            f"nothing has left the window yet ({read} tokens read, it holds "
            f"{self.settings.window}): ask and generate see it all; sleep needs a smaller window"
        )
