"""A living model: it reads past its window, sleeps under a guard, answers, and can be saved."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import torch

from duotempo.archive import Archive, Sentence
from duotempo.core import Event, FixedShare, Tell, UserError, Verdict, silent
from duotempo.models import pretrained
from duotempo.models.body import Body, open_body
from duotempo.models.pretrained import Pretrained
from duotempo.models.voices import Bits, bits, token_losses
from duotempo.reader import files
from duotempo.reader.living import Life, Living, why_no_sleep
from duotempo.reader.lookup import question_prompt
from duotempo.reader.session import Awake, no_tokens
from duotempo.reader.settings import ANSWER, Settings, check
from duotempo.reader.shelf import Shelf, copied
from duotempo.reader.sources import Place, beyond, cut, open_source
from duotempo.reader.speak import GREEDY, Sampling, speak
from duotempo.reader.state import named_dtype, pack, unpack
from duotempo.reader.words import Words
from duotempo.sleep.lessons import LEAST
from duotempo.sleep.passes import FastState, state_bytes


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
    """A pretrained model with a window, a fast state and an archive; made by `Reader.open`.

    What it has read lies in a temporary folder until it is saved; `close`, the end of a `with`
    block, or the reader's own end removes that. Raises `UserError` for a window larger than the
    model's, or a model whose layers the fast state does not know.
    """

    def __init__(
        self,
        model: Pretrained,
        settings: Settings,
        tell: Tell = silent,
        shelf: Shelf | None = None,
    ) -> None:
        if settings.window > model.window_limit:
            raise UserError(
                f"window={settings.window} is larger than {model.name}'s own {model.window_limit}: "
                "choose a smaller one; what leaves it is slept on"
            )
        self.model, self.settings, self.tell = model, settings, tell
        self.share = FixedShare()
        self.body: Body = open_body(model.model, 0.0 if settings.fast == "none" else 0.5)
        self._words, self._shelf = Words(model), shelf or Shelf()
        self._live_on(Life(self._living.channel.init(None)))

    @staticmethod
    def open(model: str = "smollm2", *, tell: Tell = silent, **settings: Any) -> "Reader":
        """Open a model by name, folder or hub id; the other options are those of `Settings`.

        Raises `UserError` for an unknown model, or as `Reader` does.
        """
        chosen = Settings(**settings)
        return Reader(pretrained.load(model, tell=tell), chosen, tell)

    def close(self) -> None:
        """Remove the temporary files: what was not saved is gone."""
        self._shelf.close()

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def archive(self) -> Archive:
        """All text that was read, searched by its words."""
        return self._shelf.archive

    def read(self, source: str | Path | Iterable[str], *, name: str | None = None) -> Reading:
        """Read a text (str), a file (Path) or pieces of a stream; memory does not grow with it.

        Sleeps on the way when `every` tokens have left the window. Interrupted, the reader holds
        all up to the last whole piece (1,000 to 2,000 characters); reading the same text under the
        same `name` next goes on from there. Raises `UserError` for an empty or unreadable source.
        """
        name, pieces = open_source(source, name)
        begun, before = time.perf_counter(), self.awake.read
        place, pieces = self._place(name, pieces)
        for piece in cut(pieces):
            ids = self._words.ids(piece)
            events = (Event(part, len(part)) for part in ids.split(self.settings.window))
            life = self._living.after(self._life, events, self.settings.passes)
            self.unfinished = place  # an interrupt from here on may find the piece kept already
            self.archive.append(name, piece, at=place.end)
            place = place.after(piece)
            self._live_on(replace(life, unfinished=place))
            self.tell(f"reading {name}", self.awake.read - before, 0)
        self.unfinished = None
        seconds = time.perf_counter() - begun
        waiting = len(self.awake.pending)
        return Reading(self.awake.read - before, seconds, waiting, state_bytes(self.memory))

    @property
    def idle(self) -> bool:
        """Whether a sleep has nothing to do: all is slept on, or there is no fast channel."""
        slept = self.awake.slept > 0 or self.settings.fast == "none"
        return slept and len(self.awake.pending) < LEAST

    def sleep(self, passes: int | None = None) -> Verdict:
        """Sleep on what has left the window since the last sleep, at most `passes` times over it.

        `None` takes the setting. The guard decides how many passes are kept, if any. Raises
        `UserError` when nothing waits.
        """
        most = self.settings.passes if passes is None else passes
        check("passes", most)
        if why := why_no_sleep(self.awake, self.settings.window):
            raise UserError(why)
        life, verdict = self._living.rested(self._life, most)
        self._live_on(life)
        return verdict

    def ask(self, question: str, *, sentences: int = 4, tokens: int = ANSWER) -> Answer:
        """Look `sentences` up in the archive and answer from them, with the fast state off.

        The answer has at most `tokens` tokens. Where no sentence has a word of the question it is
        empty: nothing is made up.
        """
        found = tuple(self.archive.search(question, sentences))
        if not found:
            return Answer("", ())
        lines = [sentence.line for sentence in found]
        prompt = self._words.ids(question_prompt(self.model.tokenizer, question, lines))
        context = self._words.context(no_tokens(), prompt, tokens)
        answer = self._words.spoken(islice(speak(self.body, context, None), tokens))
        return Answer("".join(answer).strip(), found)

    def generate(self, prompt: str = "", *, tokens: int = 64, sampling: Sampling = GREEDY) -> str:
        """Go on in the text's vein after the window and `prompt`: both voices, mixed.

        Where the model has no room for all, the oldest tokens of the window make way.
        """
        return "".join(self.stream(prompt, tokens=tokens, sampling=sampling))

    def stream(
        self, prompt: str = "", *, tokens: int = 64, sampling: Sampling = GREEDY
    ) -> Iterator[str]:
        """`generate`, piece by piece as it is decided."""
        context = self._words.context(self.awake.window, self._words.ids(prompt), tokens)
        spoken = speak(self.body, context, self.memory, self.share, sampling)
        return self._words.spoken(islice(spoken, tokens))

    @torch.no_grad()
    def score(self, words: str) -> Bits:
        """Bits a token of a text that follows the window: untouched, with memory alone, mixed."""
        ids = self._words.ids(words)
        stream = torch.cat([self.awake.window, ids])
        start = max(1, len(stream) - len(ids))
        if len(stream) - start < 1:
            raise UserError("the text to score is empty: give at least two words")
        size, limit = self.settings.window, self.model.window_limit
        step = min(size, limit // 2)  # what is scored, and what stands before it, fit the model
        slow, fast = [], []
        for a in range(start, len(stream), step):
            b = min(a + step, len(stream))
            rows = stream[None, max(0, a - size, b - limit) : b]
            skip, x = rows.shape[1] - (b - a), self.body.trunk(rows)
            slow += token_losses(self.body, x, rows, skip)[0].tolist()
            if self.memory:
                fast += token_losses(self.body, x, rows, skip, self.memory)[0].tolist()
        return bits(slow, fast if self.memory else None, self.share)

    def save(self, folder: Path | str) -> None:
        """Save everything but the model, atomically: a kill at any moment leaves the old state."""
        facts, tensors = pack(self._life)
        facts |= {
            "model": self.model.name,
            "dtype": str(self.model.model.dtype).removeprefix("torch."),
            "fingerprint": self.model.fingerprint,
            "settings": asdict(self.settings),
        }
        files.write(Path(folder), facts, tensors, self.archive.copy)

    @staticmethod
    def load(folder: Path | str, *, tell: Tell = silent) -> "Reader":
        """A saved reader; raises `UserError` for a broken folder or for another model."""
        saved = files.read(Path(folder))
        try:
            name, made_with = str(saved.facts["model"]), saved.facts["fingerprint"]
            settings = Settings(**saved.facts["settings"])
        except (KeyError, TypeError) as error:
            raise UserError(
                f"the state in {folder} lacks a setting ({error}): read the text into a new one"
            ) from error
        dtype = named_dtype(saved.facts.get("dtype"))
        if dtype is None:  # the fingerprint is that of the weights in this dtype
            raise files.broken(Path(folder), "the dtype of its model is not one that is known")
        shelf = copied(saved.archive)
        model = pretrained.load(name, dtype=dtype, tell=tell)
        if model.fingerprint != made_with:
            raise UserError(
                f"the state in {folder} was made with other weights than {name} has now: "
                "put those back or read the text again"
            )
        reader = Reader(model, settings, tell, shelf)
        words = len(model.model.get_input_embeddings().get_parameter("weight"))
        reader._live_on(unpack(saved.facts, saved.tensors, reader._living, words))
        return reader

    def fork(self) -> "Reader":
        """A second reader with the same past and a life of its own; the model is shared."""
        twin = Reader(self.model, self.settings, self.tell, Shelf(self.archive.copy))
        twin._live_on(self._life)
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
            "last_sleep_kept": verdict.passes if verdict else 0,
            "verdict": verdict.reason if verdict else "has not slept yet",
            "sources": [source.name for source in self.archive.sources()],
        }

    @property
    def _living(self) -> Living:
        return Living(self.settings, self.body, self.share, self.tell)

    @property
    def _life(self) -> Life:
        return Life(self.awake, self.memory, self.unfinished)

    def _live_on(self, life: Life) -> None:
        # one assignment without a call between them: an interrupt comes before or after all three
        self.awake: Awake
        self.memory: FastState | None
        self.unfinished: Place | None
        self.awake, self.memory, self.unfinished = life.awake, life.memory, life.unfinished

    def _place(self, name: str, pieces: Iterator[str]) -> tuple[Place, Iterator[str]]:
        """Where a text goes on that was interrupted, or begins; and its pieces from there."""
        old = self.unfinished
        if old and old.name == name:
            same, pieces = beyond(pieces, self.archive.text(name)[old.start : old.end])
            if same:
                return old, pieces
        return Place(name, self.archive.length(name)), pieces
