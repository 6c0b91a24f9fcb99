"""The database under an archive: its tables in numbered migrations, its settings, its errors."""

import sqlite3
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from duotempo.core import UserError

APPLICATION = int.from_bytes(b"duot")
"""Stands in the file's header and tells an archive from any other SQLite database."""

PATIENCE = 30.0
"""Seconds to wait for another process that is writing."""

DAMAGED = "is damaged: go back to a saved copy"
MENDS = {
    "SQLITE_FULL": "cannot grow: the disk is full; make room and go on, nothing kept was lost",
    "SQLITE_IOERR": "cannot be read or written: check the disk, and that it is not full",
    "SQLITE_READONLY": "may not be written to: check its permissions, or copy it elsewhere",
    "SQLITE_PERM": "may not be opened: check its permissions",
    "SQLITE_CANTOPEN": "cannot be opened: check that it is a file in a folder that may be written",
    "SQLITE_BUSY": "is held by another process: try again when that is done",
    "SQLITE_LOCKED": "is held by another process: try again when that is done",
    "SQLITE_NOTADB": "is not an archive: check the path",
    "SQLITE_CORRUPT": DAMAGED,
    "SQLITE_CONSTRAINT": DAMAGED,
    "invalid fts5 file format": DAMAGED,
    "Could not decode to UTF-8": DAMAGED,
}
"""A part of SQLite's name of an error, or of what it says -> what to say instead."""

WORDS = "CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = 'porter unicode61')"
"""The text of each sentence under its id, with the index of its words."""


def _log_and_sentences(db: sqlite3.Connection) -> None:
    """Version 1: the log, which is the truth, and the sentences, which are derived from it."""
    for statement in (
        "CREATE TABLE source (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT",
        # address: sha256 of the address before it and the text, so it names all text up to here
        "CREATE TABLE entry (id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES source, "
        "start INTEGER NOT NULL, end INTEGER NOT NULL, text TEXT NOT NULL, "
        "address TEXT NOT NULL, UNIQUE (source, start)) STRICT",
        "CREATE TRIGGER entry_stays BEFORE UPDATE ON entry "
        "BEGIN SELECT RAISE (ABORT, 'the log is append-only'); END",
        "CREATE TRIGGER entry_remains BEFORE DELETE ON entry "
        "BEGIN SELECT RAISE (ABORT, 'the log is append-only'); END",
        "CREATE TABLE sentence (id INTEGER PRIMARY KEY, source INTEGER NOT NULL "
        "REFERENCES source, start INTEGER NOT NULL, UNIQUE (source, start)) STRICT",
        WORDS,
    ):
        db.execute(statement)


MIGRATIONS: list[Callable[[sqlite3.Connection], None]] = [_log_and_sentences]
"""Migration i brings a database from version i to version i + 1; a new one is added at the end."""


def connect(path: Path | str) -> sqlite3.Connection:
    """Open or make the database, fully durable, and bring it up to date.

    Raises `UserError` for a file that is no archive, is damaged, or comes from a later version.
    """
    with told(path):
        db = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA trusted_schema = OFF")  # the file may come from a stranger
            db.execute("PRAGMA cell_size_check = ON")
            _migrate(db, path)
            db.execute("PRAGMA journal_mode = WAL")  # only now: it changes the file
        except BaseException:
            db.close()
            raise
    return db


@contextmanager
def told(path: Path | str) -> Generator[None, None, None]:
    """What SQLite refuses becomes a sentence that names the mend."""
    try:
        yield
    except UnicodeEncodeError as e:
        raise UserError(f"text with half a character in it ({e.reason}): decode it anew") from e
    except UnicodeDecodeError as e:  # a damaged file, or what SQLite has to say about one
        raise UserError(f"the archive '{path}' {DAMAGED}") from e
    except sqlite3.DatabaseError as e:
        what = f"{getattr(e, 'sqlite_errorname', '')} {e}"  # Python's own complaints have no name
        mend = next((said for part, said in MENDS.items() if part in what), None)
        if mend is None:
            raise
        raise UserError(f"the archive '{path}' {mend} ({e})") from e


@contextmanager
def writing(db: sqlite3.Connection) -> Generator[None, None, None]:
    """One transaction: all of it is kept on disk, or none of it."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a full disk has already rolled back
            db.execute("ROLLBACK")
        raise


def _migrate(db: sqlite3.Connection, path: Path | str) -> None:
    with writing(db):
        (version,) = db.execute("PRAGMA user_version").fetchone()
        (application,) = db.execute("PRAGMA application_id").fetchone()
        if application != APPLICATION and _tables(db):
            raise UserError(f"'{path}' is another program's database: give the archive its own")
        if version > len(MIGRATIONS):
            raise UserError(f"the archive '{path}' is of a later Duotempo: upgrade to read it")
        for migration in MIGRATIONS[version:]:
            migration(db)
        if version < len(MIGRATIONS):
            db.execute(f"PRAGMA application_id = {APPLICATION}")
            db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")
        if _tables(db) != _tables_of_a_new_archive():
            raise UserError(f"the archive '{path}' has tables of another kind and {DAMAGED}")


def _tables(db: sqlite3.Connection) -> set[tuple[str, str]]:
    """Name and definition of all that the database holds; of the index's own tables the name."""
    return {
        (name, "" if name.startswith(("words_", "sqlite_")) else sql)
        for name, sql in db.execute("SELECT name, sql FROM sqlite_master")
    }


@cache
def _tables_of_a_new_archive() -> set[tuple[str, str]]:
    with closing(sqlite3.connect(":memory:")) as db:
        for migration in MIGRATIONS:
            migration(db)
        return _tables(db)
