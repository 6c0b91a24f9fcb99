"""Consolidation of conversations: what the loop is made of, awake by session, asleep by rebuild."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random

from duotempo.archive.conversation_records import Line, Note, Version
from duotempo.archive.export import day
from duotempo.archive.memories import Memories
from duotempo.archive.people import Person
from duotempo.converse.model import Dated, Finding, Model, Said, Unreadable
from duotempo.converse.probes import Prober, cloze
from duotempo.converse.reading import within
from duotempo.core import Candidate, Event, Proposal, Verdict

STRETCH = 0.4
"""Share of a model's context that turns to be noted may fill."""


@dataclass(frozen=True)
class Settings:
    """`every`: sessions between two sleeps; `budget`: tokens of a memory; `probes`: questions that
    a sleep may ask, three answers each; `tries`: how often a session is read that could not be.

    `noise`: how many standard deviations worse than no memory, or than the memory that stands, a
    new one may look on the probes before it is refused.
    """

    every: int = 1
    budget: int = 400
    probes: int = 12
    tries: int = 3
    noise: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Awake:
    """The fast state: sessions that the memory has not slept on, and the last version before it;
    None where nobody asks for that."""

    sessions: tuple[int, ...] = ()
    last: int | None = None


@dataclass(frozen=True)
class Notebook:
    """The fast channel: a session that ended is noted, sentence by sentence, with its turns.

    `seen`: what was forgotten before this life, `last`: the last version of then, see `Memories`.
    """

    person: Person
    model: Model
    seen: tuple[int, str] | None = None
    last: int | None = None

    def init(self, slow: Version | None) -> Awake:
        """Awake since nothing was said."""
        return Awake((), self.last)

    def write(self, state: Awake, event: Event) -> Awake:
        """Task 1 on the session; what cannot be read stays as its turns and waits."""
        number: int = event.content
        if not any(each.noted and each.number == number for each in self.person.sessions()):
            noted(self.person, self.model, number)
        return Awake((*state.sessions, number), state.last)

    def after(self, state: Awake, verdict: Verdict) -> Awake:
        """On waking the version is kept, or that it was refused; nothing is left to sleep on: the
        notes stay for the next sleep. Raises `Overtaken`."""
        until = max(state.sessions, default=0)
        refused = Version(0, None, 0.0, until, kept=False, reason=verdict.reason)
        made = verdict.chosen.value if verdict.chosen else refused
        kept = Memories(self.person, self.seen, state.last).propose(made)
        return Awake((), None if state.last is None else kept.number)


def noted(person: Person, model: Model, session: int) -> bool:
    """Take the notes of a session; False, and why is kept, if the model could not be read."""
    memories = Memories(person, person.forgotten())
    turns = [turn for turn in person.turns(session) if turn.text and turn.role != "system"]
    said = [Said(number, turn.role, turn.text or "") for number, turn in enumerate(turns, 1)]
    try:
        parts = stretches(said, model)
        found = [finding for part in parts for finding in model.remember(person.name, part)]
    except Unreadable as fault:
        memories.failed(session, str(fault))
        return False
    ids = {number: turn.id for number, turn in enumerate(turns, 1)}
    memories.note(session, [Note(session, f.text, tuple(ids[n] for n in f.numbers)) for f in found])
    return True


def stretches(turns: Sequence[Said], model: Model) -> list[list[Said]]:
    """A session in as few stretches as a model can read each of, beside our prompt and its notes;
    a turn that is longer by itself stands in several, a piece in each."""
    most, found, full = int(model.context * STRETCH), [], 0
    for turn in turns:
        for text in pieces(turn.text, most, model.size):
            size = model.size(text)
            if not found or full + size > most:
                found.append([])
                full = 0
            found[-1].append(replace(turn, text=text))
            full += size + 8
    return found


def pieces(text: str, most: int, size: Callable[[str], int]) -> Iterator[str]:
    """A text in pieces of at most so many tokens, cut at white space where there is any."""
    while text:
        piece = text
        while (tokens := size(piece)) > most and len(piece) > 1:
            piece = piece[: max(1, min(len(piece) - 1, len(piece) * most // tokens))]
        if len(piece) < len(text):
            piece = piece[: max(piece.rfind(" "), piece.rfind("\n")) + 1] or piece
        yield piece
        text = text[len(piece) :]


@dataclass(frozen=True)
class Rebuild:
    """The consolidator: task 2 on the notes of all sessions, never on an earlier memory.

    Notes beyond a model's context are compressed in groups and those once more, from the sources
    each time.
    """

    person: Person
    model: Model
    settings: Settings
    prober: Prober = cloze

    def __call__(self, slow: Version | None, state: Awake) -> Proposal:
        """One candidate, made when the guard asks for it, and probes from raw turns."""
        turns = [turn for turn in self.person.turns() if turn.text]
        random = Random(self.settings.seed + len(turns))
        probes = self.prober(turns, random, self.settings.probes)
        return Proposal(self._candidates(state), probes)

    def _candidates(self, state: Awake) -> Iterator[Candidate]:
        until = max(state.sessions, default=0)
        try:
            lines, lost = self.lines(self.sources())
        except Unreadable as fault:
            yield Candidate(0, f"the model's memory could not be read: {fault}")
            return
        more = f"; {lost} sentences did not fit" if lost else ""
        yield Candidate(1, Version(0, None, 0.0, until, kept=True, reason=more, lines=lines))

    def sources(self) -> list[Dated]:
        """What the memory is made of: every note of every session."""
        dates = {s.number: day(s.begun) for s in self.person.sessions()}
        notes = Memories(self.person).notes()
        return [Dated(n.text, n.session, dates[n.session], n.turns) for n in notes]

    def lines(self, notes: Sequence[Dated]) -> tuple[list[Line], int]:
        """A memory of notes, each with its turns; how many sentences did not fit the budget."""
        model, budget = self.model, self.settings.budget
        if not notes:
            return [], 0
        groups = grouped(notes, model, model.context - 2 * budget)
        if len(groups) == len(notes) > 1:
            raise Unreadable(f"its context of {model.context} tokens does not hold two notes")
        if len(groups) > 1:
            parts = [line for group in groups for line in self.lines(group)[0]]
            if len(parts) >= len(notes):
                raise Unreadable(f"{len(notes)} notes do not fit its context and do not shrink")
            return self.lines([Dated(line.text, 0, "", line.turns) for line in parts])
        found = model.compress(self.person.name, notes, budget)
        kept, lost = within(found, budget, model.size)
        return [lined(finding, notes) for finding in kept], lost


def grouped(notes: Sequence[Dated], model: Model, most: int) -> list[list[Dated]]:
    """Notes in order, in as few groups as a model can read; never a group of all of many."""
    groups: list[list[Dated]] = [[]]
    full = 0
    for note in notes:
        size = model.size(f"[100] {note.text} ({note.day})" if note.day else f"[100] {note.text}")
        if groups[-1] and full + size > most:
            groups.append([])
            full = 0
        groups[-1].append(note)
        full += size
    return groups


def lined(finding: Finding, notes: Sequence[Dated]) -> Line:
    """A sentence of a memory with the turns under its notes."""
    turns = dict.fromkeys(turn for number in finding.numbers for turn in notes[number - 1].turns)
    return Line(finding.part, finding.text, tuple(turns))
