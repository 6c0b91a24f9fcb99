"""Forgetting: a turn, a session or a person goes, with all that was made of it, and no trace."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, Text, delete, select, update

from duotempo.archive.engine import reading, writing
from duotempo.archive.lookup import paired, words
from duotempo.archive.memories import gone, resting
from duotempo.archive.people import Person
from duotempo.archive.sweep import finish, owe, sweep
from duotempo.archive.tables import (
    LINE,
    LINE_TURN,
    META,
    NOTE,
    OWNED,
    PERSON,
    SESSION,
    TURN,
    VERSION,
)
from duotempo.core import UserError

SHORTEST = 4
"""Characters of a word that is looked for in other sentences once nobody said it."""
MOST = 10_000
"""Rows that one statement names."""
PART = 256
"""Bytes of a text that stand together in a file of SQLite's, which is cut into pages."""
QUOTED = re.compile(r"(?<!\w)(['\"]).*\1", re.DOTALL)
"""Where a reason says what a model had written."""


def forget_turns(person: Person, ids: Iterable[int]) -> int:
    """Forget turns by id; returns how many. Raises `UserError` for a turn that is not there.

    Their text goes, their place stays. Notes of their sessions go and are taken again from what is
    left; of every version those sentences go that rest on such a turn, or that hold a word which
    nobody else said: a model may name the wrong source. Sessions whose notes hold such a word are
    noted again too. What a refused memory was quoted with goes from its reason.
    """
    wanted = sorted(set(ids))
    with writing(person.engine) as db:
        mine = person.known(db)
        found = [
            row
            for some in _parts(wanted)
            for row in db.execute(select(TURN).where(TURN.c.person == mine, TURN.c.id.in_(some)))
        ]
        if len(found) != len(wanted):
            raise UserError("some of these turns are not there: nothing was forgotten")
        _forget(db, mine, wanted, [row.text for row in found if row.text])
    sweep(person.engine)
    return len(wanted)


def forget_session(person: Person, session: int) -> int:
    """Forget all that was said in a session; returns how many turns."""
    turns = [turn.id for turn in person.turns(session)]
    if not turns:
        raise UserError(f"there is nothing in a session {session}")
    return forget_turns(person, turns)


def forget_person(person: Person) -> None:
    """Forget somebody wholly: no row is left that was theirs. Raises `UserError` for a stranger."""
    finish(person.engine)  # who was forgotten may ask again where the files were not swept
    with writing(person.engine) as db:
        mine = person.id(db)
        if not mine:
            raise UserError("nobody of this name is known: nothing was forgotten")
        for table in reversed(OWNED):
            db.execute(delete(table).where(table.c.person == mine))
        db.execute(delete(PERSON).where(PERSON.c.id == mine))
        owe(db)
    sweep(person.engine)


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
            if any(_stands(each.encode(), held) for each in wanted):
                yield path.name


def _stands(text: bytes, held: bytes) -> bool:
    """Whether a text stands among bytes; of a long one any part, which is what a page holds."""
    return any(text[n : n + PART] in held for n in range(0, max(1, len(text) - PART), PART))


def _forget(db: Connection, mine: int, turns: list[int], texts: list[str]) -> None:
    for some in _parts(turns):
        here = (TURN.c.person == mine, TURN.c.id.in_(some))
        places = list(db.scalars(select(TURN.c.session).where(*here).distinct()))
        gone(db, NOTE, mine, NOTE.c.session.in_(places))
        _noted_again(db, mine, places)
        db.execute(update(TURN).where(*here).values(text=None, salt=None))
    only = _words(texts) - _words(
        db.scalars(select(TURN.c.text).where(TURN.c.person == mine, TURN.c.text.is_not(None)))
    )
    rests, lost = resting(db, LINE_TURN, "line", mine), set(turns)
    _drop(db, mine, LINE, lambda row: only & _words([row.text]) or lost & set(rests[row.id]))
    misnamed = _drop(db, mine, NOTE, lambda row: only & _words([row.text]))
    _noted_again(db, mine, [row.session for row in misnamed])
    refused = select(VERSION.c.id, VERSION.c.reason).where(VERSION.c.person == mine)
    for row in db.execute(refused).all():
        reason = QUOTED.sub("(forgotten)", row.reason)
        if reason != row.reason:
            mark = (VERSION.c.person == mine, VERSION.c.id == row.id)
            db.execute(update(VERSION).where(*mark).values(reason=reason))
    owe(db)


def _drop(db: Connection, mine: int, table: Table, bad: Callable[[Any], object]) -> list[Any]:
    """Delete somebody's sentences that are bad; their rows as they were."""
    found = [row for row in db.execute(select(table).where(table.c.person == mine)) if bad(row)]
    for some in _parts([row.id for row in found]):
        gone(db, table, mine, table.c.id.in_(some))
    return found


def _noted_again(db: Connection, mine: int, sessions: Iterable[int]) -> None:
    """Let sessions wait for notes."""
    for some in _parts(sorted(set(sessions))):
        again = (SESSION.c.person == mine, SESSION.c.id.in_(some))
        db.execute(update(SESSION).where(*again).values(noted=False, tries=0, fault=""))


def _parts(ids: list[int]) -> Iterator[list[int]]:
    return (ids[n : n + MOST] for n in range(0, len(ids), MOST))


def _words(texts: Iterable[str]) -> set[str]:
    found = (word for each in texts for word in words(each))
    return {word for word in found if len(word) >= SHORTEST or word.isdigit() or paired(word)}
