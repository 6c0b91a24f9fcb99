"""Conversations on disk by person: every turn is kept, in order, under an address of its own."""

import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Engine,
    Select,
    Table,
    bindparam,
    func,
    insert,
    select,
    update,
)

from duotempo.archive.conversation_records import Session, Turn
from duotempo.archive.engine import opened, reading, writing
from duotempo.archive.sweep import finish
from duotempo.archive.tables import PERSON, SESSION, TURN
from duotempo.core import UserError

ROLES = ("user", "assistant", "system")
LONGEST_NAME, LONGEST_TURN = 200, 100_000
"""Characters of a user's name and of a turn."""

MINE = select(PERSON.c.id).where(PERSON.c.name == bindparam("name"))
HELD = MINE.with_for_update()
LAST = (
    select(SESSION)
    .join(PERSON, PERSON.c.id == SESSION.c.person)
    .where(PERSON.c.name == bindparam("name"))
    .order_by(SESSION.c.number.desc())
    .limit(1)
)
TURNS = (
    select(TURN, SESSION.c.number.label("of"))
    .join(SESSION, (SESSION.c.id == TURN.c.session) & (SESSION.c.person == TURN.c.person))
    .join(PERSON, PERSON.c.id == TURN.c.person)
    .where(PERSON.c.name == bindparam("name"))
    .order_by(SESSION.c.number, TURN.c.number)
)
OF_SESSION = TURNS.where(SESSION.c.number == bindparam("of"))
END = (
    select(SESSION.c.id, SESSION.c.ended, TURN.c.number, TURN.c.address)
    .outerjoin(TURN, (TURN.c.session == SESSION.c.id) & (TURN.c.person == SESSION.c.person))
    .where(SESSION.c.person == bindparam("mine"), SESSION.c.number == bindparam("of"))
    .order_by(TURN.c.number.desc())
    .limit(1)
)
ADD = insert(TURN)
"""Statements of every reply, made once: making them takes longer than the database does."""


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


def checked_name(name: str) -> str:
    """A user's name: any text of one line, never a part of a path or of a query."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise UserError(f"a user's name is 1 to {LONGEST_NAME} printable characters on one line")
    return name


def checked_turn(role: str, text: str) -> None:
    """Raises `UserError` for what cannot be a turn."""
    if role not in ROLES or not text or len(text) > LONGEST_TURN or "\0" in text:
        raise UserError(
            f"role={role!r}, {len(text)} characters: a turn is said by one of "
            f"{', '.join(ROLES)}, with 1 to {LONGEST_TURN} characters, none of them NUL"
        )
    if not text.isascii() and any("\ud800" <= sign <= "\udfff" for sign in text):
        raise UserError("a turn is whole characters: what was typed or sent is not UTF-8")


@dataclass(frozen=True)
class Person:
    """One person's log; there is no way from here to another's."""

    engine: Engine
    name: str

    def begin(self, at: float | None = None) -> int:
        """Begin a session, now or at a time in seconds since 1970; returns its number, from 1."""
        with writing(self.engine) as db:
            mine = self.known(db)
            last = select(func.max(SESSION.c.number)).where(SESSION.c.person == mine)
            number = (db.scalar(last) or 0) + 1
            begun = time.time() if at is None else at
            row = {"person": mine, "number": number, "begun": begun}
            db.execute(insert(SESSION).values(row))
        return number

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
            number, before = here.number or 0, here.address or ""
            salt, said = secrets.token_hex(8), time.time()
            row = {
                "person": mine, "session": here.id, "number": number + 1, "role": role,
                "text": text, "salt": salt, "said": said,
                "address": addressed(before, role, salt, text),
            }  # fmt: skip
            key = db.execute(ADD, row).inserted_primary_key
        assert key is not None
        return Turn(key[0], session, number + 1, role, text, said)

    def end(self, session: int) -> None:
        """End a session; ending it again changes nothing."""
        with writing(self.engine) as db:
            mine = self.known(db)
            place, ended = self._session(db, mine, session)
            if ended is None:
                here = (SESSION.c.person == mine, SESSION.c.id == place)
                db.execute(update(SESSION).where(*here).values(ended=time.time()))

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
            return [_turn(row) for row in db.execute(query, values)]

    def last(self) -> tuple[Session | None, list[Turn]]:
        """The last session, None before any, and its turns, in one look."""
        with reading(self.engine) as db:
            row = db.execute(LAST, {"name": self.name}).first()
            if row is None:
                return None, []
            turns = db.execute(OF_SESSION, {"name": self.name, "of": row.number})
            found = Session(row.number, row.begun, row.ended, row.noted, row.tries, row.fault)
            return found, [_turn(each) for each in turns]

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
            mine = TURN.c.person == self.id(db)
            gone = select(func.count()).where(mine, TURN.c.text.is_(None))
            first = select(TURN.c.address).where(mine).order_by(TURN.c.id).limit(1)
            return db.scalar(gone) or 0, db.scalar(first) or ""

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

    def _session(self, db: Connection, mine: int, number: int) -> tuple[int, float | None]:
        """A session's row and when it ended. Raises `UserError` for none."""
        row = db.execute(
            select(SESSION.c.id, SESSION.c.ended).where(
                SESSION.c.person == mine, SESSION.c.number == number
            )
        ).first()
        if row is None:
            raise UserError(f"there is no session {number}: begin one")
        return row.id, row.ended


def _turn(row: Any) -> Turn:
    return Turn(row.id, row.of, row.number, row.role, row.text, row.said)


def addressed(before: str, role: str, salt: str, text: str) -> str:
    """The address of a turn: it names all of the session up to here. The salt, which is forgotten
    with the text, keeps an address from being found by trying texts."""
    return sha256("\0".join((before, role, salt, text)).encode()).hexdigest()


def ordered(table: Table, mine: int) -> Select:
    """Somebody's rows by number."""
    return select(table).where(table.c.person == mine).order_by(table.c.number)
