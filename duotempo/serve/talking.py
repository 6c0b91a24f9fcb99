"""A request is kept, answered, and the answer kept: the user's turn before the model is asked."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from duotempo.archive.conversation_records import Line, Turn
from duotempo.archive.people import Conversations, Person
from duotempo.archive.turns import checked_turn
from duotempo.converse.chat_model import ChatModel
from duotempo.converse.conversation import Conversation
from duotempo.converse.endpoint import CutOff
from duotempo.converse.model import Asked as AskedOf
from duotempo.converse.model import Model, Said, Streamed
from duotempo.converse.probes import Prober, cloze
from duotempo.converse.sleep import Settings
from duotempo.core import UserError
from duotempo.serve.errors import kept, said
from duotempo.serve.locks import Locks
from duotempo.serve.matching import Heard, continued, unkept
from duotempo.serve.metrics import Tally


@dataclass(frozen=True)
class Asked:
    """A request: all messages in order, those of the system too; `fresh` begins a new session,
    `longest` are the most tokens of the reply."""

    messages: tuple[Heard, ...]
    fresh: bool = False
    longest: int | None = None

    @property
    def spoken(self) -> tuple[Heard, ...]:
        """The messages that somebody said: these are kept."""
        return tuple(message for message in self.messages if message.role != "system")


@dataclass(frozen=True)
class Answer:
    """A reply that is kept, about how many tokens were read and written for it, and whether it was
    cut off at its bound. `session` is None where nobody had said anything: nothing is kept then."""

    text: str
    session: int | None
    read: int
    written: int
    cut: bool = False


class Gone(Exception):
    """Nobody listens any more."""


Send = Callable[[str], None]
"""Takes the pieces of a reply as they come; raises `Gone`."""


@dataclass(frozen=True)
class Talking:
    """People, the model that answers them, and a lock for each: one request at a time."""

    talks: Conversations
    model: Model
    settings: Settings = Settings()  # noqa: RUF009 - frozen
    prober: Prober = cloze
    locks: Locks = field(default_factory=Locks)
    tally: Tally = field(default_factory=Tally)

    def answer(self, name: str, asked: Asked, send: Send | None = None) -> Answer:
        """Keep what is new, answer, keep the answer; piece by piece if somebody takes the pieces.

        A reply that failed or that nobody listened to the end of is not kept, nor is one to
        messages of the system alone. Raises `Refused`, `Gone`.
        """
        with kept():
            person = self.talks.of(name)
        with self.locks.hold(name):
            with kept():
                last = self.heard(person, asked) if asked.spoken else None
                talk = Conversation(person, self.model, self.settings, self.prober)
                memory, seen = talk.known(last)
            read = fitting(talk, asked, memory)
            before = time.perf_counter()
            with said(last is not None):
                model = bounded(self.model, asked.longest)
                text = generated(model, person.name, (memory, read), send)
                if not text.strip():
                    raise UserError("it said nothing: say it otherwise")
                checked_turn("assistant", text)
            self.tally.time("model_seconds", time.perf_counter() - before)
            session = None
            if last is not None:
                with kept(503):  # it may not be kept only where something was forgotten meanwhile
                    session = person.tell("assistant", text, last.session, seen).session
                self.tally.count("turns_total", role="assistant")
        size = self.model.size
        heard = sum(size(each.text) for each in (*memory, *read))
        return Answer(text, session, heard, size(text), isinstance(text, CutOff))

    def heard(self, person: Person, asked: Asked) -> Turn:
        """Keep the messages that are new, all in one transaction; the last turn of their session,
        which is on disk."""
        session, held = person.last()
        last = session.number if session and session.ended is None else None
        held, over = held if last is not None else [], None
        new = continued(held, asked.spoken) if held and not asked.fresh else None
        if new is None:
            new = asked.spoken
            if len(new) > 1:
                new = unkept(person.turns(), new)
            if held:
                last, over = None, last
        if not new:
            return held[-1]
        turns = person.hear([(each.role, each.text) for each in new], last, over=over)
        for turn in turns:
            self.tally.count("turns_total", role=turn.role)
        return turns[-1]


def bounded(model: Model, longest: int | None) -> Model:
    """A model whose replies have at most so many tokens, if it is one that can be told."""
    if longest is None or not isinstance(model, ChatModel):
        return model
    return replace(model, longest=min(longest, model.longest))


def generated(model: Model, name: str, asked: AskedOf, send: Send | None) -> str:
    """A model's reply, sent as it comes; a `CutOff` where it did not come to its end."""
    if send is None:
        return model.reply(name, *asked)
    if not isinstance(model, Streamed):
        text = model.reply(name, *asked)
        send(text)
        return text
    pieces: list[str] = []
    stream = model.stream(name, *asked)
    try:
        for piece in stream:
            if piece:
                send(piece)
            pieces.append(piece)
    finally:
        if close := getattr(stream, "close", None):
            close()  # a generator holds the gate until it is closed
    text = "".join(pieces)
    return CutOff(text) if any(isinstance(piece, CutOff) for piece in pieces) else text


def fitting(talk: Conversation, asked: Asked, memory: Sequence[Line]) -> list[Said]:
    """What the model reads: the client's system messages, and the last of what was said that its
    context holds beside them."""
    numbered = [Said(n, m.role, m.text) for n, m in enumerate(asked.messages, 1)]
    system = [each for each in numbered if each.role == "system"]
    spoken = [each for each in numbered if each.role != "system"]
    beside = [*memory, *(Line("", each.text, ()) for each in system)]
    return [*system, *talk.fitting(spoken, beside)]
