"""People, models and sessions that tests of conversations share."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from duotempo.archive.people import Conversations, Person
from duotempo.converse.chat_model import Message
from duotempo.converse.conversation import Conversation
from duotempo.converse.invented import Invented, questions
from duotempo.converse.sleep import Settings
from duotempo.tasks.sessions import Life


@dataclass
class Script:
    """A chat that says what it was given, in order, and remembers what it was asked."""

    answers: list[str]
    context: int = 4000
    asked: list[list[Message]] = field(default_factory=list)

    def chat(self, messages: Sequence[Message], longest: int) -> str:
        """The next answer."""
        self.asked.append([dict(message) for message in messages])
        return self.answers.pop(0)


def invented(
    folder: Path, life: Life, model: Invented | None = None, every: int = 1
) -> Conversation:
    """Somebody of the invented world and a model, the oracle unless another is given."""
    person = Conversations(folder / "talks.db").of(f"{life.name}-{life.seed}")
    return Conversation(person, model or Invented(), Settings(every=every), questions)


def told(person: Person, life: Life, number: int) -> None:
    """Keep a session of a life, and end it."""
    session = person.begin()
    for place, text in enumerate(life.sessions[number - 1].turns, 1):
        person.say(session, ("assistant", "user")[place % 2], text)
    person.end(session)
