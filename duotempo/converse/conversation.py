"""A conversation that remembers: replies at once, notes and sleep when a session is over."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duotempo.archive.conversation_records import Line, Turn, Version
from duotempo.archive.engine import reading
from duotempo.archive.memories import Memories, Overtaken
from duotempo.archive.people import Person
from duotempo.converse.guard import Probed
from duotempo.converse.model import Model, Said, replies
from duotempo.converse.probes import Prober, cloze
from duotempo.converse.raw import recalled
from duotempo.converse.sleep import Awake, Notebook, Rebuild, Settings
from duotempo.core import Event, UserError, live

ROOM = 0.25
"""Share of a model's context that is left for its reply."""
LONGEST = 4096
"""Tokens of the longest reply that is asked for: many servers refuse to be asked for more."""


@dataclass(frozen=True)
class Conversation:
    """One person and one model; all it knows is in the archive, so any process may go on."""

    person: Person
    model: Model
    settings: Settings = Settings()  # noqa: RUF009 - frozen
    prober: Prober = cloze
    consolidator: type[Rebuild] = Rebuild

    @property
    def memory(self) -> Sequence[Line]:
        """The sentences of the memory that stands."""
        version = Memories(self.person).version()
        return version.lines if version else ()

    def say(self, text: str) -> str:
        """Say something and be answered; both turns are kept, the first before it is answered."""
        turn = self.person.tell("user", text)
        memory, seen = self.known(turn)
        said = self.answer(self.person.turns(turn.session), memory)
        self.person.tell("assistant", said, turn.session, seen)
        return said

    def answer(self, turns: Sequence[Turn], memory: Sequence[Line]) -> str:
        """What the model says to a session's last turn, with what is `known`."""
        said = [Said(t.number, t.role, t.text) for t in turns if t.text]
        if not said:
            raise UserError("what you said was forgotten before it was answered: say it again")
        (answer,) = replies(self.model, self.person.name, [(memory, self.fitting(said, memory))])
        if not answer:
            raise UserError("the model said nothing: say it in other words, or use another model")
        return answer

    def known(self, now: Turn | None) -> tuple[Sequence[Line], tuple[int, str]]:
        """What a model is told beside a session: the sentences of the memory that stands. Where
        there is none yet, or the model can write none: what was said in earlier sessions and is
        nearest to a turn by its words. And `Person.forgotten` of the same moment."""
        with reading(self.person.engine) as look:
            seen = self.person.forgotten(look)
            version = Memories(self.person).version(look=look)
            if (version and version.lines) or now is None or now.session == 1:
                return version.lines if version else (), seen
            earlier = self.person.said_before(now.session, look)
        size, budget = self.model.size, self.settings.budget
        return recalled(earlier, now.text or "", budget, size, spoken), seen

    def fitting(self, turns: Sequence[Said], memory: Sequence[Line]) -> list[Said]:
        """The last turns that the model's context holds beside a memory and a reply."""
        size = self.model.size
        left = self.model.context * (1 - ROOM) - sum(size(line.text) for line in memory)
        kept: list[Said] = []
        for turn in reversed(turns):
            left -= size(turn.text) + 4
            if kept and left < 0:
                break
            kept.insert(0, turn)
        return kept

    def end(self) -> None:
        """End the session that is open, if there is one; several processes may."""
        self.person.end_open()

    def pending(self) -> list[int]:
        """Sessions that are over and were not slept on, or could not be noted and may yet."""
        slept = max((version.until for version in Memories(self.person).versions()), default=0)
        return [
            each.number
            for each in self.person.sessions()
            if each.ended is not None
            and (each.number > slept or (not each.noted and each.tries < self.settings.tries))
        ]

    def sleeps(self, now: bool = False) -> Iterator[Version | None]:
        """Note the pending sessions and sleep whenever there are enough; the memory after each.

        `now`: sleep after the last even if there are not. What was done is on disk: this may be
        cut off anywhere and begun again. Where another process has made a memory meanwhile, or gone
        back to one, this ends with that. Raises `UserError` if something is forgotten meanwhile.
        """
        seen, memories = self.person.forgotten(), Memories(self.person)
        last = max((version.number for version in memories.versions()), default=0)
        pending, every = self.pending(), self.settings.every
        stream = (Event(number, 1) for number in pending)

        def due(state: Awake, event: Event) -> bool:
            return len(state.sessions) >= every or (now and event.content == pending[-1])

        lives = live(
            stream,
            memories.version(),
            channel=Notebook(self.person, self.model, seen, last),
            boundary=due,
            sleep=self.consolidator(self.person, self.model, self.settings, self.prober),
            guard=Probed(self.model, self.person.name, self.settings.noise),
        )
        try:
            for _ in lives:
                yield memories.version()
        except Overtaken:
            yield memories.version()

    def sleep(self, now: bool = True) -> Version | None:
        """All of it; returns the memory that stands."""
        for _ in self.sleeps(now):
            pass
        return Memories(self.person).version()


def longest_reply(context: int) -> int:
    """Tokens of the longest reply of a model at an address, by its context."""
    return min(int(context * ROOM), LONGEST)


def spoken(turn: Turn) -> str:
    """A turn as a line of a memory."""
    return f"@{turn.session} {turn.role} {turn.text}"
