"""The model behind the server: one at an address, one of this machine, or an echo to try it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from duotempo.archive.conversation_records import Line
from duotempo.converse.chat_model import ChatModel
from duotempo.converse.conversation import longest_reply
from duotempo.converse.endpoint import CONTEXT, ELSEWHERE, Endpoint
from duotempo.converse.model import PARTS, Dated, Finding, Model, Said
from duotempo.core import Tell, UserError, silent

ECHO = "echo"


@dataclass(frozen=True)
class Echo:
    """No model: it says back what was said, notes the user's turns word for word, and remembers the
    last notes that fit. To try a client, a network or a load."""

    context: int = 8192

    def size(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def remember(self, name: str, turns: Sequence[Said]) -> list[Finding]:
        """The user's turns."""
        return [Finding(turn.text, (turn.number,)) for turn in turns if turn.role == "user"]

    def compress(self, name: str, notes: Sequence[Dated], budget: int) -> list[Finding]:
        """The last notes."""
        kept: list[Finding] = []
        for number, note in reversed(list(enumerate(notes, 1))):
            budget -= self.size(note.text)
            if budget < 0:
                break
            kept.insert(0, Finding(note.text, (number,), PARTS[0]))
        return kept

    def reply(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
        """The last turn."""
        return f"You said: {turns[-1].text}" if turns else "You said nothing."

    def stream(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> Iterator[str]:
        """The same word by word."""
        first, *words = self.reply(name, memory, turns).split(" ")
        yield first
        yield from (f" {word}" for word in words)


@dataclass(frozen=True)
class OpenEndpoint(Endpoint):
    """An endpoint that keeps its connections open from call to call."""

    retries: int = 1  # somebody is waiting
    _client: list[Any] = field(default_factory=list, repr=False, compare=False)

    def client(self, openai: Any) -> AbstractContextManager[Any]:
        """The one client, which stays open after the call."""
        if not self._client:
            self._client.append(super().client(openai))
        return nullcontext(self._client[0])

    def close(self) -> None:
        """Close its connections."""
        while self._client:
            self._client.pop().close()


@dataclass(frozen=True)
class Backend:
    """A model, whether it does one thing at a time, and how to let go of it."""

    model: Model
    exclusive: bool = False
    close: Callable[[], None] = lambda: None


def found(
    name: str,
    served: str | None = None,
    language: str = "en",
    tell: Tell = silent,
    context: int | None = None,
) -> Backend:
    """The model of a name: `echo`, an address, or as `memory_model` takes them.

    Raises `UserError`.
    """
    if name == ECHO and not served and context is None:
        return Backend(Echo())
    if name.startswith(("http://", "https://")):
        if not served:
            raise UserError("an address needs the name of a model there: give --served NAME")
        endpoint = OpenEndpoint(name, served, context=CONTEXT if context is None else context)
        longest = longest_reply(endpoint.context)
        return Backend(ChatModel(endpoint, language, longest), close=endpoint.close)
    if context is not None:
        raise UserError(ELSEWHERE)
    from duotempo.reader.memory_models import memory_model  # noqa: PLC0415 - torch takes seconds

    return Backend(memory_model(name, served, language, tell), exclusive=True)
