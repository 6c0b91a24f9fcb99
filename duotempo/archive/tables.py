"""The tables of conversations: people, sessions, turns, notes, memories, each row with its user."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

META = MetaData()
NUMBER = BigInteger().with_variant(Integer(), "sqlite")  # only INTEGER counts up by itself there


def _table(name: str, *more: Column | ForeignKeyConstraint | UniqueConstraint) -> Table:
    """A table whose rows belong to a user; others may point to a row only together with them."""
    mine = UniqueConstraint("id", "person", name=f"{name}_of_person")
    return Table(
        name,
        META,
        Column("id", NUMBER, Identity(), primary_key=True),
        Column("person", NUMBER, nullable=False),
        *more,
        ForeignKeyConstraint(["person"], ["person.id"], name=f"{name}_person"),
        mine,
        Index(f"{name}_by_person", "person"),
    )


def _of(child: str, column: str, parent: str) -> ForeignKeyConstraint:
    """A row of the same user."""
    return ForeignKeyConstraint(
        [column, "person"], [f"{parent}.id", f"{parent}.person"], name=f"{child}_{column}"
    )


PERSON = Table(
    "person",
    META,
    Column("id", NUMBER, Identity(), primary_key=True),
    Column("name", Text, nullable=False, unique=True),
)
SESSION = _table(
    "session",
    Column("number", Integer, nullable=False),
    Column("begun", Float, nullable=False),
    Column("ended", Float),
    Column("noted", Boolean, nullable=False, default=False),
    Column("tries", Integer, nullable=False, default=0),
    Column("fault", Text, nullable=False, default=""),
    UniqueConstraint("person", "number", name="session_number"),
)
TURN = _table(
    "turn",
    Column("session", NUMBER, nullable=False),
    Column("number", Integer, nullable=False),
    Column("role", Text, nullable=False),
    Column("text", Text),  # NULL: forgotten
    Column("salt", Text),  # with the text it makes the address; it goes with the text
    Column("said", Float, nullable=False),
    Column("address", Text, nullable=False),
    UniqueConstraint("session", "number", name="turn_number"),
    _of("turn", "session", "session"),
)
NOTE = _table(
    "note",
    Column("session", NUMBER, nullable=False),
    Column("number", Integer, nullable=False),
    Column("text", Text, nullable=False),
    _of("note", "session", "session"),
)
NOTE_TURN = _table(
    "note_turn",
    Column("note", NUMBER, nullable=False),
    Column("turn", NUMBER, nullable=False),
    _of("note_turn", "note", "note"),
    _of("note_turn", "turn", "turn"),
)
VERSION = _table(
    "version",
    Column("number", Integer, nullable=False),
    Column("parent", Integer),
    Column("made", Float, nullable=False),
    Column("until", Integer, nullable=False),
    Column("kept", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    UniqueConstraint("person", "number", name="version_number"),
)
LINE = _table(
    "line",
    Column("version", NUMBER, nullable=False),
    Column("number", Integer, nullable=False),
    Column("part", Text, nullable=False),
    Column("text", Text, nullable=False),
    _of("line", "version", "version"),
)
LINE_TURN = _table(
    "line_turn",
    Column("line", NUMBER, nullable=False),
    Column("turn", NUMBER, nullable=False),
    _of("line_turn", "line", "line"),
    _of("line_turn", "turn", "turn"),
)
OWNED = (SESSION, TURN, NOTE, NOTE_TURN, VERSION, LINE, LINE_TURN)
"""Every table but that of users, parents first."""
