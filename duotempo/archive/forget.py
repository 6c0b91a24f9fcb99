"""Forgetting: a turn, a session or a person goes, with all that was made of it, and no trace."""

import re
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from sqlalchemy import ColumnElement, Connection, Text, delete, select, text, update

from duotempo.archive.engine import reading, told, writing
from duotempo.archive.memories import gone, resting
from duotempo.archive.people import Person
from duotempo.archive.schema import told as told_of_file
from duotempo.archive.tables import (
    LINE,
    LINE_TURN,
    META,
    NOTE,
    OWNED,
    PERSON,
    SESSION,
    TURN,
)
from duotempo.core import UserError

SHORTEST = 4
"""Characters of a word that is looked for in other sentences once nobody said it."""


def forget_turns(person: Person, ids: Iterable[int]) -> int:
    """Forget turns by id; returns how many. Raises `UserError` for a turn that is not there.

    Their text goes, their place stays. Notes of their sessions go and are taken again from what is
    left; of every version those sentences go that rest on such a turn, or that hold a word which
    nobody else said: a model may name the wrong source.
    """
    wanted = sorted(set(ids))
    with writing(person.engine) as db:
        mine = person.known(db)
        here = TURN.c.id.in_(wanted)
        found = db.execute(select(TURN).where(TURN.c.person == mine, here)).all()
        if len(found) != len(wanted):
            raise UserError("some of these turns are not there: nothing was forgotten")
        _forget(db, mine, wanted, [row.text for row in found if row.text])
    _sweep(person)
    return len(wanted)


def forget_session(person: Person, session: int) -> int:
    """Forget all that was said in a session; returns how many turns."""
    turns = [turn.id for turn in person.turns(session)]
    if not turns:
        raise UserError(f"there is nothing in a session {session}")
    return forget_turns(person, turns)


def forget_person(person: Person) -> None:
    """Forget somebody wholly: no row is left that was theirs. Raises `UserError` for a stranger."""
    with writing(person.engine) as db:
        mine = person.id(db)
        if not mine:
            raise UserError("nobody of this name is known: nothing was forgotten")
        for table in reversed(OWNED):
            db.execute(delete(table).where(table.c.person == mine))
        db.execute(delete(PERSON).where(PERSON.c.id == mine))
    _sweep(person)


def traces(person: Person, texts: Iterable[str]) -> Iterator[str]:
    """Where a text still stands: in a column of any table, or in a byte of SQLite's files."""
    wanted = [each for each in texts if each]
    with reading(person.engine) as db:
        for table in META.sorted_tables:
            for column in table.c:
                if isinstance(column.type, Text):
                    for (value,) in db.execute(select(column).where(column.is_not(None))):
                        if any(each in value for each in wanted):
                            yield f"{table.name}.{column.name}"
    if person.engine.dialect.name == "sqlite":
        name = str(person.engine.url.database)
        for path in (Path(name), Path(name + "-wal"), Path(name + "-journal")):
            held = path.read_bytes() if path.is_file() else b""
            if any(each.encode() in held for each in wanted):
                yield path.name


def _forget(db: Connection, mine: int, turns: list[int], texts: list[str]) -> None:
    here = (TURN.c.person == mine, TURN.c.id.in_(turns))
    places = list(db.scalars(select(TURN.c.session).where(*here)))
    gone(db, NOTE, mine, NOTE.c.session.in_(places))
    again = (SESSION.c.person == mine, SESSION.c.id.in_(places))
    db.execute(update(SESSION).where(*again).values(noted=False, tries=0, fault=""))
    db.execute(update(TURN).where(*here).values(text=None, salt=None))
    only = _words(texts) - _words(
        db.scalars(select(TURN.c.text).where(TURN.c.person == mine, TURN.c.text.is_not(None)))
    )
    rests = resting(db, LINE_TURN, "line", mine)
    lost = set(turns)
    for table in (LINE, NOTE):
        rows = db.execute(select(table.c.id, table.c.text).where(table.c.person == mine))
        bad = [
            row.id
            for row in rows
            if _words([row.text]) & only or (table is LINE and lost & set(rests[row.id]))
        ]
        which: ColumnElement[bool] = table.c.id.in_(bad)
        gone(db, table, mine, which)


def _words(texts: Iterable[str]) -> set[str]:
    found = (word.lower() for each in texts for word in re.findall(r"\w+", each))
    return {word for word in found if len(word) >= SHORTEST or word.isdigit()}


def _sweep(person: Person) -> None:
    """Take what was deleted out of the files too. Raises `UserError` if others keep them busy."""
    if person.engine.dialect.name != "sqlite":
        with told(person.engine), person.engine.connect() as plain:
            db = plain.execution_options(isolation_level="AUTOCOMMIT")
            for table in OWNED:
                db.execute(text(f"VACUUM FULL {table.name}"))
        return
    where = person.engine.url.database or ""
    with told_of_file(where), closing(person.engine.raw_connection()) as raw:
        db = raw.cursor()
        db.execute("VACUUM")
        busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise UserError(
            "it is forgotten, but another process reads the file, which may hold it still: end "
            "that and forget anything again"
        )
