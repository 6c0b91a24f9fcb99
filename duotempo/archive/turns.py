"""What a turn and a user's name may be, the address of a turn, how turns are found and written."""

import secrets
import time
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select

from duotempo.archive.conversation_records import Turn
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
BEFORE = TURNS.where(SESSION.c.number < bindparam("until"), TURN.c.role == "user")
END = (
    select(
        SESSION.c.id,
        SESSION.c.ended,
        SESSION.c.number.label("of"),
        TURN.c.number,
        TURN.c.address,
    )
    .outerjoin(TURN, (TURN.c.session == SESSION.c.id) & (TURN.c.person == SESSION.c.person))
    .where(SESSION.c.person == bindparam("mine"), SESSION.c.number == bindparam("of"))
    .order_by(TURN.c.number.desc())
    .limit(1)
)
_MINE = TURN.c.person == MINE.scalar_subquery()
FORGOTTEN = select(
    select(func.count()).where(_MINE, TURN.c.text.is_(None)).scalar_subquery(),
    select(TURN.c.address).where(_MINE).order_by(TURN.c.id).limit(1).scalar_subquery(),
)
ADD = insert(TURN)
"""Statements of every reply, made once: making them takes longer than the database does."""


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


def turn(row: Any) -> Turn:
    """A turn from a row of `TURNS`."""
    return Turn(row.id, row.of, row.number, row.role, row.text, row.said)


def written(db: Connection, mine: int, here: Any, role: str, text: str) -> Turn:
    """Write a turn of somebody's at the end of a session, which `here` is the row of in `END`."""
    number, before = here.number or 0, here.address or ""
    salt, said = secrets.token_hex(8), time.time()
    row = {
        "person": mine, "session": here.id, "number": number + 1, "role": role,
        "text": text, "salt": salt, "said": said,
        "address": addressed(before, role, salt, text),
    }  # fmt: skip
    key = db.execute(ADD, row).inserted_primary_key
    assert key is not None
    return Turn(key[0], here.of, number + 1, role, text, said)


def addressed(before: str, role: str, salt: str, text: str) -> str:
    """The address of a turn: it names all of the session up to here. The salt, which is forgotten
    with the text, keeps an address from being found by trying texts."""
    return sha256("\0".join((before, role, salt, text)).encode()).hexdigest()
