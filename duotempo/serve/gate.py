"""One model for replies and for sleep: replies go first, and wait for one generation at most."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from threading import Condition

from duotempo.archive.conversation_records import Line
from duotempo.converse.chat_model import Chat, ChatModel, Message, Streaming
from duotempo.converse.model import Dated, Finding, Model, Said, Streamed

Pass = Callable[[], AbstractContextManager[None]]
"""What a generation happens in."""


class Gate:
    """Lets one generation through at a time, those of replies before those of a sleep."""

    def __init__(self) -> None:
        self._state = Condition()
        self._busy, self._replies = False, 0

    @contextmanager
    def reply(self) -> Iterator[None]:
        """A generation of a reply."""
        with self._state:
            self._replies += 1
            self._state.wait_for(lambda: not self._busy)
            self._replies -= 1
            self._busy = True
        try:
            yield
        finally:
            self._leave()

    @contextmanager
    def sleep(self, check: Callable[[], None] = lambda: None) -> Iterator[None]:
        """A generation of a sleep; what `check` raises ends the wait."""
        with self._state:
            while self._busy or self._replies:
                check()
                self._state.wait(0.1)
            check()
            self._busy = True
        try:
            yield
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._state:
            self._busy = False
            self._state.notify_all()


@contextmanager
def free(check: Callable[[], None]) -> Iterator[None]:
    """No gate, for a model that does several things at once; what `check` raises comes first."""
    check()
    yield


def behind(model: Model, through: Pass) -> Model:
    """A model, each of whose generations goes through a gate."""
    if isinstance(model, ChatModel):  # what cannot be read is asked for again: two generations
        return replace(model, chat=GatedChat(model.chat, through))
    return GatedModel(model, through)


@dataclass(frozen=True)
class GatedChat:
    """A chat behind a gate."""

    inner: Chat
    through: Pass

    @property
    def context(self) -> int:
        """Tokens that it can read and write at once."""
        return self.inner.context

    def chat(self, messages: Sequence[Message], longest: int) -> str:
        """What it says next."""
        with self.through():
            return self.inner.chat(messages, longest)

    def stream(self, messages: Sequence[Message], longest: int) -> Iterator[str]:
        """The same piece by piece, or at once from a chat that cannot."""
        with self.through():
            if isinstance(self.inner, Streaming):
                yield from self.inner.stream(messages, longest)
            else:
                yield self.inner.chat(messages, longest)


@dataclass(frozen=True)
class GatedModel:
    """A model behind a gate."""

    model: Model
    through: Pass

    @property
    def context(self) -> int:
        """Tokens that it can read and write at once."""
        return self.model.context

    def size(self, text: str) -> int:
        """Tokens of a text, or about so many."""
        return self.model.size(text)

    def remember(self, name: str, turns: Sequence[Said]) -> list[Finding]:
        """Task 1."""
        with self.through():
            return self.model.remember(name, turns)

    def compress(self, name: str, notes: Sequence[Dated], budget: int) -> list[Finding]:
        """Task 2."""
        with self.through():
            return self.model.compress(name, notes, budget)

    def reply(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
        """Task 3."""
        with self.through():
            return self.model.reply(name, memory, turns)

    def stream(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> Iterator[str]:
        """Task 3 piece by piece, or at once from a model that cannot."""
        with self.through():
            if isinstance(self.model, Streamed):
                yield from self.model.stream(name, memory, turns)
            else:
                yield self.model.reply(name, memory, turns)
