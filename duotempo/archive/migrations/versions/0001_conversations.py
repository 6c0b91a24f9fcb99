"""Conversations: people, sessions, turns that stay, notes and versions of memory."""

from alembic import op

from duotempo.archive.tables import META

revision, down_revision = "0001", None

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
    META.create_all(op.get_bind())
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRES:
        op.execute(statement)
