"""A reader as flow's subject: its window is what attention has seen, its fast state a store."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from duotempo.core import Event, Tell, silent
from duotempo.flow.huggingface import Cached, encoder
from duotempo.flow.made import Made
from duotempo.flow.made_words import FILLERS
from duotempo.flow.opening import Opened, spelled
from duotempo.flow.subject import ATTENTION, Change, Final, Ids, Place, Trace
from duotempo.reader.living import Life, Living, why_no_sleep
from duotempo.reader.reader import Reader
from duotempo.reader.session import no_tokens
from duotempo.reader.voice import Voice, channels


@dataclass(frozen=True)
class Lived:
    """A reader's life, and the keys and values of what is in its window."""

    life: Life
    seen: Cached


class Attached:
    """An attached reader as `Subject`: the model with its fast state, the second of its voices.

    `attention` is the window, `memory.fast` the fast weights, `latent` the fast latents; a fast
    state that is zeroed leaves the untouched model. To read is to read as the reader does and then
    to rest: what has left the window is slept on, and the guard decides how much of that is kept.
    Every text is read by the reader as it was given, with what it knew and had in view; the reader
    itself stays as it is. There is no begin token, as the reader puts none.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        settings = reader.settings
        self._living = Living(settings, reader.body, reader.share, reader.tell)
        self._voice = Voice(reader.model.model, reader.body, settings.fast)
        self.places: tuple[Place, ...] = self._voice.places
        self.stores: tuple[str, ...] = channels(settings.fast)
        self._begun = self._lived(Life(reader.awake, reader.memory))

    @property
    def final(self) -> Final:
        """Norm and head."""
        return self._voice.final

    def empty(self) -> Lived:
        """The reader as it was given."""
        return self._begun

    def read(self, tokens: Ids, state: Lived) -> Lived:
        """The life after some tokens and a rest, with its window read anew."""
        if not len(tokens):
            return state
        settings = self.reader.settings
        events = [Event(part, len(part)) for part in tokens.split(settings.window)]
        with torch.enable_grad():
            life = self._living.after(state.life, events, settings.passes)
            if why_no_sleep(life.awake, settings.window) is None:
                life, _ = self._living.rested(life, settings.passes)
        return self._lived(life)

    def run(self, tokens: Ids, state: Lived, change: Change | None = None) -> Trace:
        """Tokens read after a state and not slept on, every write recorded."""
        with self._voice.lent(state.life.memory):
            trace = self._voice.run(tokens, state.seen, change)
        awake = state.life.awake
        window = torch.cat((awake.window, tokens.to(awake.window)))
        awake = replace(awake, window=window, read=awake.read + len(tokens))
        return replace(trace, state=Lived(replace(state.life, awake=awake), trace.state))

    def outlet(self, place: str) -> nn.Module:
        """The last projection of a layer's MLP; raises `UserError`."""
        return self._voice.outlet(place)

    def rebuilt(self, streams: Float[Tensor, "write time width"], state: Lived) -> Lived:
        """Keys and values of tokens whose streams are known; which tokens they were is not."""
        with self._voice.lent(state.life.memory):
            return replace(state, seen=self._voice.rebuilt(streams, state.seen))

    def unembed(self, streams: Float[Tensor, "rows width"]) -> Float[Tensor, "rows vocab"]:
        """The model's own."""
        return self._voice.unembed(streams)

    def swapped(self, state: Lived, donor: Lived, channels: Collection[str]) -> Lived:
        """The window, or the fast state, of another life; keys and values stay as they were."""
        seen = donor if ATTENTION in channels else state
        fast = donor if set(channels) & set(self.stores) - {ATTENTION} else state
        return Lived(replace(seen.life, memory=fast.life.memory), seen.seen)

    def zeroed(self, state: Lived, channels: Collection[str]) -> Lived:
        """An empty window, in which places begin anew as in every window, or no fast state."""
        life, seen = state.life, state.seen
        if ATTENTION in channels:
            seen = self._voice.empty()
            awake = replace(life.awake, window=no_tokens(), pending=no_tokens(), before=no_tokens())
            life = replace(life, awake=awake)
        if set(channels) & set(self.stores) - {ATTENTION}:
            life = replace(life, memory=None)
        return Lived(life, seen)

    def _lived(self, life: Life) -> Lived:
        with self._voice.lent(life.memory):
            return Lived(life, self._voice.read(life.awake.window, self._voice.empty()))


def open_attached(folder: Path, tell: Tell = silent) -> Opened:
    """A saved reader as a subject, in float32, because sums and bounds are checked. Made documents
    are longer than its window, so that far facts are slept on. Raises `UserError`."""
    reader = Reader.load(folder, tell=tell)
    reader.model.model.float()
    encode = encoder(reader.model.tokenizer)
    sentence = len(encode(" ".join(FILLERS))) / len(FILLERS)
    between = max(Made.between, math.ceil(reader.settings.window / sentence))
    return Opened(Attached(reader), encode, str(folder), spelled(reader.model.tokenizer), between)
