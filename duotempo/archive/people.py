"""Conversations on disk by person: every turn is kept, in order, under an address of its own."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, Table, func, insert, select, update

from duotempo.archive.conversation_records import Session, Turn
from duotempo.archive.engine import opened, reading, writing
from duotempo.archive.sweep import finish
from duotempo.archive.tables import PERSON, SESSION, TURN
from duotempo.archive.turns import (
    BEFORE,
    END,
    FORGOTTEN,
    HELD,
    LAST,
    MINE,
    OF_SESSION,
    TURNS,
    addressed,
    checked_name,
    checked_turn,
    turn,
    written,
)
from duotempo.core import UserError


class Conversations:
    """All people of a database: `path/to/file.db` for SQLite, or a `postgresql://` URL.

    Threads may share one, and several processes may write at once. Raises `UserError` for what
    is no such place.
    """

    def __init__(self, where: str | Path) -> None:
        self.engine: Engine = opened(where)
        finish(self.engine)

    def of(self, name: str) -> "Person":
        """Somebody's conversations; who never spoke has none. Raises `UserError` for no name."""
        return Person(self.engine, checked_name(name))

    def people(self) -> int:
        """How many people there are."""
        with reading(self.engine) as db:
            return db.scalar(select(func.count()).select_from(PERSON)) or 0

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def __enter__(self) -> "Conversations":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class Person:
    """One person's log; there is no way from here to another's."""

    engine: Engine
    name: str

    def begin(self, at: float | None = None) -> int:
        """Begin a session, now or at a time in seconds since 1970; returns its number, from 1."""
        with writing(self.engine) as db:
            return self._begun(db, self.known(db), at)

    def say(self, session: int, role: str, text: str) -> Turn:
        """Keep a turn: once this returns it is on disk. Raises `UserError`."""
        checked_turn(role, text)
        with writing(self.engine) as db:
            mine = self.known(db)
            here = db.execute(END, {"mine": mine, "of": session}).first()
            if here is None:
                raise UserError(f"there is no session {session}: begin one")
            if here.ended is not None:
                raise UserError(f"session {session} is over: begin another")
            return written(db, mine, here, role, text)

    def tell(
        self,
        role: str,
        text: str,
        session: int | None = None,
        seen: tuple[int, str] | None = None,
    ) -> Turn:
        """`hear` one turn."""
        return self.hear([(role, text)], session, seen)[0]

    def hear(
        self,
        said: Sequence[tuple[str, str]],
        session: int | None = None,
        seen: tuple[int, str] | None = None,
        over: int | None = None,
    ) -> list[Turn]:
        """Keep turns, (role, text) each, in `session` if that is open, else in the last one if
        that is, else in a new one; before that end the session `over`.

        It is one transaction: nobody else's ending or beginning comes in between, and the disk,
        which is most of the time it takes, is waited for once. `seen` is `forgotten` from before a
        reply was made. Raises `UserError`, also where something was forgotten since.
        """
        for role, text in said:
            checked_turn(role, text)
        with writing(self.engine) as db:
            mine = self.known(db)
            self.remembers(db, seen)
            if over is not None:
                self._over(db, mine, over)
            here = self._open(db, mine, session)
            values, turns = {"mine": mine, "of": here.of}, []
            for role, text in said:
                turns.append(written(db, mine, here, role, text))
                here = db.execute(END, values).one() if len(turns) < len(said) else here
            return turns

    def end(self, session: int) -> None:
        """End a session; ending it again changes nothing."""
        with writing(self.engine) as db:
            self._over(db, self.known(db), session)

    def end_open(self) -> list[int]:
        """End every session that is open, whoever began it; their numbers, none where there is none
        or another process was sooner."""
        if all(session.ended is not None for session in self.sessions()):
            return []
        with writing(self.engine) as db:
            mine = db.scalar(HELD, {"name": self.name}) or 0
            here = (SESSION.c.person == mine, SESSION.c.ended.is_(None))
            numbers = list(db.scalars(select(SESSION.c.number).where(*here).order_by("number")))
            db.execute(update(SESSION).where(*here).values(ended=time.time()))
        return numbers

    def sessions(self, look: Connection | None = None) -> list[Session]:
        """All sessions, the first first."""
        with reading(self.engine, look) as db:
            mine = self.id(db)
            rows = db.execute(ordered(SESSION, mine))
            return [Session(r.number, r.begun, r.ended, r.noted, r.tries, r.fault) for r in rows]

    def turns(
        self,
        session: int | None = None,
        ids: Sequence[int] | None = None,
        look: Connection | None = None,
    ) -> list[Turn]:
        """Turns in order, of one session or those of some ids only."""
        query, values = TURNS, {"name": self.name}
        if session is not None:
            query, values = OF_SESSION, {**values, "of": session}
        if ids is not None:
            query = query.where(TURN.c.id.in_(ids))
        with reading(self.engine, look) as db:
            return [turn(row) for row in db.execute(query, values)]

    def said_before(self, session: int, look: Connection | None = None) -> list[Turn]:
        """What the user said in the sessions before one, in order."""
        with reading(self.engine, look) as db:
            rows = db.execute(BEFORE, {"name": self.name, "until": session})
            return [turn(row) for row in rows]

    def last(self) -> tuple[Session | None, list[Turn]]:
        """The last session, None before any, and its turns, in one look."""
        with reading(self.engine) as db:
            row = db.execute(LAST, {"name": self.name}).first()
            if row is None:
                return None, []
            turns = db.execute(OF_SESSION, {"name": self.name, "of": row.number})
            found = Session(row.number, row.begun, row.ended, row.noted, row.tries, row.fault)
            return found, [turn(each) for each in turns]

    def faults(self) -> Iterator[str]:
        """What is wrong with the log, in sentences; nothing if it is as it was written."""
        with reading(self.engine) as db:
            mine = self.id(db)
            before: dict[int, tuple[int, str]] = {}
            rows = db.execute(select(TURN).where(TURN.c.person == mine).order_by(TURN.c.number))
            for row in rows:
                number, address = before.get(row.session, (0, ""))
                right = row.text is None or row.address == addressed(
                    address, row.role, row.salt, row.text
                )
                if row.number != number + 1 or not right:
                    yield f"turn {row.id} was changed: go back to a saved copy"
                before[row.session] = (row.number, row.address)

    def forgotten(self, look: Connection | None = None) -> tuple[int, str]:
        """How many turns are forgotten, and the address of the first of all: what was read before
        either became another may since have been forgotten."""
        with reading(self.engine, look) as db:
            many, first = db.execute(FORGOTTEN, {"name": self.name}).one()
        return many, first or ""

    def remembers(self, db: Connection, seen: tuple[int, str] | None) -> None:
        """Raises `UserError` if something was forgotten since `forgotten` said `seen`."""
        if seen is None:
            return
        (many, first), now = seen, self.forgotten(db)
        if many != now[0] or (first and first != now[1]):
            raise UserError("something was forgotten while this was made of it: do it again")

    def id(self, db: Connection) -> int:
        """The row that this person is; 0, which nobody is, before a first word."""
        return db.scalar(MINE, {"name": self.name}) or 0

    def known(self, db: Connection) -> int:
        """The row that this person is, made if there is none; held until the writing is done."""
        if (found := db.scalar(HELD, {"name": self.name})) is None:
            made = insert(PERSON).values(name=self.name)
            if self.engine.dialect.name == "postgresql":
                from sqlalchemy.dialects.postgresql import insert as upsert  # noqa: PLC0415

                made = upsert(PERSON).values(name=self.name).on_conflict_do_nothing()
            db.execute(made)
            found = db.scalar(HELD, {"name": self.name})
        assert found is not None
        return found

    def _begun(self, db: Connection, mine: int, at: float | None = None) -> int:
        """The number of a session that begins."""
        last = select(func.max(SESSION.c.number)).where(SESSION.c.person == mine)
        number = (db.scalar(last) or 0) + 1
        row = {"person": mine, "number": number, "begun": time.time() if at is None else at}
        db.execute(insert(SESSION).values(row))
        return number

    def _open(self, db: Connection, mine: int, session: int | None) -> Any:
        """The row in `END` of a session if that is open, else of the last if that is, else of a
        new one."""
        last = select(func.max(SESSION.c.number)).where(SESSION.c.person == mine)
        for number in (session, None):
            values = {"mine": mine, "of": db.scalar(last) if number is None else number}
            here = db.execute(END, values).first()
            if here is not None and here.ended is None:
                return here
        return db.execute(END, {"mine": mine, "of": self._begun(db, mine)}).one()

    def _over(self, db: Connection, mine: int, session: int) -> None:
        """End a session. Raises `UserError` for none."""
        here = (SESSION.c.person == mine, SESSION.c.number == session)
        if db.execute(select(SESSION.c.id).where(*here)).first() is None:
            raise UserError(f"there is no session {session}: begin one")
        ends = update(SESSION).where(*here, SESSION.c.ended.is_(None))
        db.execute(ends.values(ended=time.time()))


def ordered(table: Table, mine: int) -> Select:
    """Somebody's rows by number."""
    return select(table).where(table.c.person == mine).order_by(table.c.number)
