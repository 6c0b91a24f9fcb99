"""What was made of somebody's turns: notes of sessions, and every version of their memory."""

import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, select, update

from duotempo.archive.conversation_records import Line, Note, Version
from duotempo.archive.engine import reading, writing
from duotempo.archive.people import Person, ordered
from duotempo.archive.tables import LINE, LINE_TURN, NOTE, NOTE_TURN, SESSION, TURN, VERSION
from duotempo.core import UserError


class Overtaken(UserError):
    """Another memory was made, or gone back to, since this one was begun: that one stands."""


@dataclass(frozen=True)
class Memories:
    """Notes and versions of one person; every sentence names turns of that person's.

    `seen` is `Person.forgotten` from before the turns were read that sentences are made of: where
    something was forgotten since, by another process too, they are refused with `UserError`. `last`
    is the number of the last version, 0 before any, from before a memory was made: where there is
    another since, it is not kept (`Overtaken`).
    """

    person: Person
    seen: tuple[int, str] | None = None
    last: int | None = None

    def note(self, session: int, notes: Sequence[Note]) -> None:
        """Keep a session's notes, in place of those it had, and mark it as noted.

        Raises `UserError` for a turn that is not of that session.
        """
        with writing(self.person.engine) as db:
            mine = self.person.known(db)
            self.person.remembers(db, self.seen)
            place = self._place(db, mine, session)
            said = select(TURN.c.id).where(
                TURN.c.person == mine, TURN.c.session == place, TURN.c.text.is_not(None)
            )
            _checked(notes, set(db.scalars(said)))
            gone(db, NOTE, mine, NOTE.c.session == place)
            for number, note in enumerate(notes, 1):
                row = {"person": mine, "session": place, "number": number, "text": note.text}
                kept(db, NOTE, NOTE_TURN, row, note.turns)
            done = {"noted": True, "fault": "", "tries": 0}
            db.execute(_of(mine, place).values(done))

    def failed(self, session: int, fault: str) -> None:
        """A session's notes could not be taken: it waits, its turns stay."""
        with writing(self.person.engine) as db:
            mine = self.person.known(db)
            place = self._place(db, mine, session)
            db.execute(_of(mine, place).values(tries=SESSION.c.tries + 1, fault=fault))

    def notes(self, until: int | None = None, look: Connection | None = None) -> list[Note]:
        """The notes of all sessions, or of those up to one, in order."""
        with reading(self.person.engine, look) as db:
            mine = self.person.id(db)
            rests = resting(db, NOTE_TURN, "note", mine)
            query = (
                select(NOTE.c.id, NOTE.c.text, SESSION.c.number)
                .join(
                    SESSION, (SESSION.c.id == NOTE.c.session) & (SESSION.c.person == NOTE.c.person)
                )
                .where(NOTE.c.person == mine)
                .order_by(SESSION.c.number, NOTE.c.number)
            )
            if until is not None:
                query = query.where(SESSION.c.number <= until)
            return [Note(r.number, r.text, rests[r.id]) for r in db.execute(query)]

    def propose(self, made: Version) -> Version:
        """Keep a version, whatever the guard said of it; its number and parent are given here.

        Raises `UserError` for a sentence without a turn of this person's, `Overtaken`.
        """
        with writing(self.person.engine) as db:
            mine = self.person.known(db)
            self.person.remembers(db, self.seen)
            said = select(TURN.c.id).where(TURN.c.person == mine, TURN.c.text.is_not(None))
            _checked(made.lines, set(db.scalars(said)))
            last = select(func.max(VERSION.c.number)).where(VERSION.c.person == mine)
            number = db.scalar(last) or 0
            if self.last not in (None, number):
                raise Overtaken("another memory was made meanwhile: that one stands")
            made = replace(made, number=number + 1, parent=_standing(db, mine), made=time.time())
            row = {
                "person": mine, "number": made.number, "parent": made.parent, "made": made.made,
                "until": made.until, "kept": made.kept, "reason": made.reason,
            }  # fmt: skip
            key = db.execute(insert(VERSION).values(row)).inserted_primary_key
            assert key is not None
            for number, line in enumerate(made.lines, 1):
                sentence = {
                    "person": mine, "version": key[0], "number": number, "part": line.part,
                    "text": line.text,
                }  # fmt: skip
                kept(db, LINE, LINE_TURN, sentence, line.turns)
        return made

    def versions(self, look: Connection | None = None) -> list[Version]:
        """Every version, kept or refused, without its sentences."""
        with reading(self.person.engine, look) as db:
            rows = db.execute(ordered(VERSION, self.person.id(db)))
            return [Version(r.number, r.parent, r.made, r.until, r.kept, r.reason) for r in rows]

    def version(self, number: int | None = None, look: Connection | None = None) -> Version | None:
        """A version with its sentences; without a number the one that stands, None before any.

        Raises `UserError` for a number that there is none of.
        """
        with reading(self.person.engine, look) as db:
            mine = self.person.id(db)
            number = _standing(db, mine) if number is None else number
            if number is None:
                return None
            mark = (VERSION.c.person == mine, VERSION.c.number == number)
            row = db.execute(select(VERSION).where(*mark)).first()
            if row is None:
                raise UserError(f"there is no version {number} of this memory")
            lines = db.execute(ordered(LINE, mine).where(LINE.c.version == row.id)).all()
            rests = resting(db, LINE_TURN, "line", mine, [line.id for line in lines])
            found = [Line(each.part, each.text, rests[each.id]) for each in lines]
        return Version(number, row.parent, row.made, row.until, row.kept, row.reason, found)

    def roll_back(self, number: int) -> Version:
        """Let an earlier version stand again, as a new one: nothing is lost by it either."""
        memories = replace(self, seen=self.person.forgotten())
        old = memories.version(number)
        assert old is not None
        return memories.propose(replace(old, kept=True, reason=f"rolled back to version {number}"))

    def _place(self, db: Connection, mine: int, session: int) -> int:
        mark = (SESSION.c.person == mine, SESSION.c.number == session)
        place = db.scalar(select(SESSION.c.id).where(*mark))
        if place is None:
            raise UserError(f"there is no session {session}")
        return place


def _of(mine: int, place: int):  # noqa: ANN202 - an update of one session
    return update(SESSION).where(SESSION.c.person == mine, SESSION.c.id == place)


def _standing(db: Connection, mine: int) -> int | None:
    """The number of the last version that was kept."""
    mark = (VERSION.c.person == mine, VERSION.c.kept)
    return db.scalar(select(func.max(VERSION.c.number)).where(*mark))


def _checked(sentences: Iterable[Note | Line], turns: set[int]) -> None:
    """Raises `UserError` unless every sentence rests on turns that are there."""
    for sentence in sentences:
        if not sentence.turns or not set(sentence.turns) <= turns:
            raise UserError(
                "a sentence of a memory rests on turns of the same person; this one names "
                f"{sorted(sentence.turns)}, of which some are not there or nothing at all"
            )


def kept(db: Connection, table: Table, link: Table, row: dict, turns: Sequence[int]) -> None:
    """Write a sentence and the turns that it rests on."""
    key = db.execute(insert(table).values(row)).inserted_primary_key
    assert key is not None
    rows = [{"person": row["person"], table.name: key[0], "turn": turn} for turn in turns]
    db.execute(insert(link), rows)


def gone(db: Connection, table: Table, mine: int, which: ColumnElement[bool]) -> None:
    """Delete sentences of somebody's with what they rest on."""
    link = {NOTE: NOTE_TURN, LINE: LINE_TURN}[table]
    ids = select(table.c.id).where(table.c.person == mine, which)
    db.execute(delete(link).where(link.c.person == mine, link.c[table.name].in_(ids)))
    db.execute(delete(table).where(table.c.person == mine, which))


def resting(
    db: Connection, link: Table, of: str, mine: int, only: Sequence[int] | None = None
) -> dict[int, tuple[int, ...]]:
    """Sentence -> the turns that it rests on; of all sentences, or of some."""
    query = select(link).where(link.c.person == mine).order_by(link.c.id)
    if only is not None:
        query = query.where(link.c[of].in_(only))
    found: dict[int, list[int]] = defaultdict(list)
    for row in db.execute(query):
        found[getattr(row, of)].append(row.turn)
    return {sentence: tuple(turns) for sentence, turns in found.items()}
