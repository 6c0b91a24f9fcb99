"""Laws of the tables: what migrations make is what the code knows; what was made before is kept."""

import sqlite3
from contextlib import closing

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Integer, MetaData, Table, create_engine, text

from duotempo.archive import tables
from duotempo.archive.engine import MIGRATIONS, reading
from duotempo.archive.people import Conversations

EARLIER = "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
CATALOGUE = (
    "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = "
    "to_regnamespace('{}') ORDER BY 1",
    "SELECT table_name, column_name, data_type, is_nullable, identity_generation, column_default "
    "FROM information_schema.columns WHERE table_schema = '{}' ORDER BY 1, ordinal_position",
    "SELECT tablename, replace(indexdef, ' {}.', ' ') FROM pg_indexes WHERE schemaname = '{}' "
    "ORDER BY indexname",
)
"""All that PostgreSQL knows of the tables of a schema."""


def held(path) -> dict[str, str]:
    """Name and definition of all that an SQLite file holds, but for the mark of its migrations."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {name: sql for name, sql in rows if "alembic" not in name}


def test_what_migrations_make_is_what_the_code_knows(talks):
    with talks.engine.connect() as db:
        context = MigrationContext.configure(db, opts={"compare_type": True})
        assert compare_metadata(context, tables.META) == []


def test_a_file_by_migration_is_the_one_by_the_tables_to_the_letter(tmp_path):
    Conversations(tmp_path / "migrated.db").close()
    engine = create_engine(f"sqlite:///{tmp_path / 'made.db'}")
    tables.META.create_all(engine)
    engine.dispose()
    migrated = held(tmp_path / "migrated.db")
    assert migrated.pop("turn_stays").startswith("CREATE TRIGGER")
    assert migrated == held(tmp_path / "made.db")


def test_a_database_of_postgresql_is_the_one_by_the_tables(server):
    engine = create_engine(server.replace("postgresql:", "postgresql+psycopg:"))
    found = []
    for name in ("migrated", "made"):
        with engine.begin() as db:
            db.execute(text(f"CREATE SCHEMA {name}"))
            db.execute(text(f"SET LOCAL search_path = {name}"))
            if name == "made":
                tables.META.create_all(db)
        if name == "migrated":
            Conversations(f"{server}&options=-csearch_path%3D{name}").close()
        with engine.begin() as db:
            db.execute(text(f"SET LOCAL search_path = {name}"))
            rows = [tuple(r) for q in CATALOGUE for r in db.execute(text(q.replace("{}", name)))]
        found.append([row for row in rows if not any("alembic" in str(each) for each in row)])
    engine.dispose()
    assert found[0]
    assert found[0] == found[1]


def test_the_first_migration_does_not_change_when_the_tables_do(tmp_path, monkeypatch):
    changed = MetaData()
    Table("later", changed, Column("id", Integer, primary_key=True))
    monkeypatch.setattr(tables, "META", changed)
    Conversations(tmp_path / "talks.db").close()
    assert "later" not in held(tmp_path / "talks.db")
    assert "turn" in held(tmp_path / "talks.db")


def test_a_database_from_before_is_taken_as_it_is(tmp_path):
    """Made as the first migration once made it: by the tables of the code."""
    path = tmp_path / "talks.db"
    Conversations(tmp_path / "new.db").close()
    trigger = held(tmp_path / "new.db")["turn_stays"]
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as db:
        tables.META.create_all(db)
        for statement in (EARLIER, "INSERT INTO alembic_version VALUES ('0001')", trigger):
            db.execute(text(statement))
    engine.dispose()
    before = held(path)
    with Conversations(path) as talks:
        ana = talks.of("ana")
        ana.say(ana.begin(), "user", "hello")
        with reading(talks.engine) as db:
            assert db.scalar(text("SELECT version_num FROM alembic_version")) == "0001"
    assert held(path) == before
    assert len(list((MIGRATIONS / "versions").glob("0*.py"))) == 1  # else: bring it up to date
