"""Conversations: people, sessions, turns that stay, notes and versions of memory.

It says what the tables were, not what they are: a change of them is another migration.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKeyConstraint,
    Identity,
    Integer,
    Text,
    UniqueConstraint,
)

revision, down_revision = "0001", None

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
STAYS = "what was said stays: a turn may only be forgotten"
SQLITE = (
    "CREATE TRIGGER turn_stays BEFORE UPDATE ON turn WHEN NEW.text IS NOT NULL OR NEW.salt IS NOT "
    "NULL OR NEW.address <> OLD.address OR NEW.role <> OLD.role OR NEW.person <> OLD.person "
    f"BEGIN SELECT RAISE (ABORT, '{STAYS}'); END",
)
POSTGRES = (
    "CREATE FUNCTION turn_stays() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.text IS NOT "
    "NULL OR NEW.salt IS NOT NULL OR NEW.address <> OLD.address OR NEW.role <> OLD.role OR "
    f"NEW.person <> OLD.person THEN RAISE EXCEPTION '{STAYS}'; END IF; RETURN NEW; END $$",
    "CREATE TRIGGER turn_stays BEFORE UPDATE ON turn FOR EACH ROW EXECUTE FUNCTION turn_stays()",
)


def upgrade() -> None:
    """All tables, and the rule that a turn is never rewritten."""
    op.create_table(
        "person",
        Column("id", NUMBER, Identity(), primary_key=True),
        Column("name", Text, nullable=False, unique=True),
    )
    _said()
    _remembered()
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRES:
        op.execute(statement)


def _said() -> None:
    """Sessions and their turns."""
    _owned(
        "session",
        Column("number", Integer, nullable=False),
        Column("begun", Float, nullable=False),
        Column("ended", Float),
        Column("noted", Boolean, nullable=False),
        Column("tries", Integer, nullable=False),
        Column("fault", Text, nullable=False),
        UniqueConstraint("person", "number", name="session_number"),
    )
    _owned(
        "turn",
        Column("session", NUMBER, nullable=False),
        Column("number", Integer, nullable=False),
        Column("role", Text, nullable=False),
        Column("text", Text),
        Column("salt", Text),
        Column("said", Float, nullable=False),
        Column("address", Text, nullable=False),
        UniqueConstraint("session", "number", name="turn_number"),
        _of("turn", "session"),
    )


def _remembered() -> None:
    """Notes and versions of memory, with the turns under their sentences."""
    _owned(
        "note",
        Column("session", NUMBER, nullable=False),
        Column("number", Integer, nullable=False),
        Column("text", Text, nullable=False),
        _of("note", "session"),
    )
    _owned(
        "version",
        Column("number", Integer, nullable=False),
        Column("parent", Integer),
        Column("made", Float, nullable=False),
        Column("until", Integer, nullable=False),
        Column("kept", Boolean, nullable=False),
        Column("reason", Text, nullable=False),
        UniqueConstraint("person", "number", name="version_number"),
    )
    _owned(
        "line",
        Column("version", NUMBER, nullable=False),
        Column("number", Integer, nullable=False),
        Column("part", Text, nullable=False),
        Column("text", Text, nullable=False),
        _of("line", "version"),
    )
    for sentence in ("note", "line"):
        table = f"{sentence}_turn"
        _owned(
            table,
            Column(sentence, NUMBER, nullable=False),
            Column("turn", NUMBER, nullable=False),
            _of(table, sentence),
            _of(table, "turn"),
        )


def _owned(name: str, *more: Column | ForeignKeyConstraint | UniqueConstraint) -> None:
    """A table whose rows belong to a user; others may point to a row only together with them."""
    op.create_table(
        name,
        Column("id", NUMBER, Identity(), primary_key=True),
        Column("person", NUMBER, nullable=False),
        *more,
        UniqueConstraint("id", "person", name=f"{name}_of_person"),
        ForeignKeyConstraint(["person"], ["person.id"], name=f"{name}_person"),
    )
    op.create_index(f"{name}_by_person", name, ["person"])


def _of(child: str, parent: str) -> ForeignKeyConstraint:
    """A row of the same user."""
    return ForeignKeyConstraint(
        [parent, "person"], [f"{parent}.id", f"{parent}.person"], name=f"{child}_{parent}"
    )
