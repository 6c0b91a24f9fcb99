"""Rounds over all people, for whoever looks after them: who fell silent, who has not slept."""

from collections import defaultdict
from dataclasses import dataclass

from sqlalchemy import func, or_, select, true

from duotempo.archive.engine import reading
from duotempo.archive.people import Conversations
from duotempo.archive.tables import PERSON, SESSION, TURN, VERSION


@dataclass(frozen=True)
class Waiting:
    """Somebody's sessions that wait for a sleep: how many, and how many of them have no notes."""

    name: str
    sessions: int
    unnoted: int


def silent(talks: Conversations, before: float, name: str | None = None) -> list[tuple[str, int]]:
    """Open sessions in which nothing was said since a time (seconds), as (name, session); of
    everybody, or of one."""
    last = func.coalesce(func.max(TURN.c.said), SESSION.c.begun)
    query = (
        select(PERSON.c.name, SESSION.c.number)
        .join(PERSON, PERSON.c.id == SESSION.c.person)
        .outerjoin(TURN, (TURN.c.session == SESSION.c.id) & (TURN.c.person == SESSION.c.person))
        .where(SESSION.c.ended.is_(None), true() if name is None else PERSON.c.name == name)
        .group_by(PERSON.c.name, SESSION.c.number, SESSION.c.begun)
        .having(last < before)
        .order_by(PERSON.c.name, SESSION.c.number)
    )
    with reading(talks.engine) as db:
        return [(row.name, row.number) for row in db.execute(query)]


def waiting(talks: Conversations, tries: int) -> list[Waiting]:
    """Everybody with sessions that are over and were not slept on, or that could not be noted and
    may yet: the sum of `Conversation.pending` of all."""
    slept = (
        select(VERSION.c.person, func.max(VERSION.c.until).label("until"))
        .group_by(VERSION.c.person)
        .subquery()
    )
    again = SESSION.c.noted.is_(False) & (SESSION.c.tries < tries)
    query = (
        select(PERSON.c.name, again.label("unnoted"))
        .join(PERSON, PERSON.c.id == SESSION.c.person)
        .outerjoin(slept, slept.c.person == SESSION.c.person)
        .where(
            SESSION.c.ended.is_not(None),
            or_(SESSION.c.number > func.coalesce(slept.c.until, 0), again),
        )
        .order_by(PERSON.c.name)
    )
    found: dict[str, list[bool]] = defaultdict(list)
    with reading(talks.engine) as db:
        for row in db.execute(query):
            found[row.name].append(bool(row.unnoted))
    return [Waiting(name, len(rows), sum(rows)) for name, rows in found.items()]
