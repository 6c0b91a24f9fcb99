"""Opens the database of conversations, SQLite by path or PostgreSQL by URL: durable, migrated."""

import os
import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager, nullcontext, suppress
from pathlib import Path
from threading import Lock
from typing import Any

from alembic.command import upgrade
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DataError,
    DBAPIError,
    NoSuchModuleError,
    SQLAlchemyError,
)

from duotempo.archive.schema import MENDS, PATIENCE
from duotempo.core import UserError

MIGRATIONS = Path(__file__).parent / "migrations"
WRITING = "duotempo_writing"
QUEUE = "duotempo_queue"
"""Threads that write to a file take turns here: SQLite has them look again after ever longer."""
LOCK = 0x64756F74
"""Number of the lock that PostgreSQL holds while one process migrates."""
SNAPSHOT = {"isolation_level": "REPEATABLE READ"}
"""PostgreSQL looks anew at each statement unless it is told so; a file of SQLite's does not."""
HALF = "text with half a character in it cannot be kept"
SETTINGS = ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "secure_delete = ON")


def opened(where: str | Path) -> Engine:
    """An engine for a path (SQLite) or a `postgresql://` URL, its tables up to date.

    Raises `UserError` for what is no such place, cannot be reached or comes from a later version.
    """
    engine = _made(str(where))
    try:
        with told(engine), engine.connect() as connection:
            if engine.dialect.name != "sqlite":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            _migrate(connection)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _made(where: str) -> Engine:
    """The engine of a place, not yet connected."""
    if "://" not in where:
        _ours(where)
        engine = create_engine(
            URL.create("sqlite", database=where),
            connect_args={"timeout": PATIENCE, "check_same_thread": False},
            execution_options={QUEUE: Lock()},
            hide_parameters=True,
        )
        event.listen(engine, "connect", _prepared)
        event.listen(engine, "begin", _begun)
        return engine
    try:
        url = make_url(where)
        if url.get_backend_name() != "postgresql":
            raise UserError(
                f"'{url.get_backend_name()}' is no database for conversations: give the path of a "
                "file (SQLite), or postgresql://USER@HOST/NAME"
            )
        return create_engine(
            url.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True
        )
    except (ArgumentError, NoSuchModuleError) as error:
        raise UserError(f"this is no address of a database ({error})") from error
    except ModuleNotFoundError as error:
        raise UserError("PostgreSQL needs its driver: pip install 'duotempo[serve]'") from error


def _ours(where: str) -> None:
    """Make a file that nobody else may read, unless there is one. Raises `UserError` for another
    program's, before it is touched."""
    with suppress(OSError):  # there is one, or SQLite says what is wrong
        os.close(os.open(where, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with suppress(sqlite3.Error), closing(sqlite3.connect(where, timeout=PATIENCE)) as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        if tables and not {"alembic_version", "person"} <= tables:
            raise UserError(
                f"'{where}' is another program's database, or an archive of what was read: give "
                "conversations a file of their own"
            )


def _prepared(connection: sqlite3.Connection, _: Any) -> None:
    """Durable, strict, and nothing of what is deleted stays in the file."""
    connection.isolation_level = None  # the engine says when a transaction begins
    for setting in SETTINGS:
        connection.execute(f"PRAGMA {setting}")


def _begun(connection: Connection) -> None:
    """A writer takes its turn at once, so that two never wait for each other in a circle."""
    writing = connection.get_execution_options().get(WRITING)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection.execution_options(**{WRITING: True})
    try:
        upgrade(config, "head")
    except CommandError as error:
        raise UserError(
            "these conversations are of a later Duotempo: upgrade it to read them"
        ) from error
    connection.commit()


@contextmanager
def writing(engine: Engine) -> Generator[Connection, None, None]:
    """One transaction: all of it is on disk when this ends, or none of it."""
    queue = engine.get_execution_options().get(QUEUE, nullcontext())
    with told(engine), queue, engine.connect() as plain:
        connection = plain.execution_options(**{WRITING: True})
        with connection.begin():
            yield connection


@contextmanager
def reading(engine: Engine, look: Connection | None = None) -> Generator[Connection, None, None]:
    """One consistent look: all that is read in it is of one moment. With a `look` that is under way
    a part of that."""
    if look is not None:
        yield look
        return
    with told(engine), engine.connect() as plain:
        once = {} if engine.dialect.name == "sqlite" else SNAPSHOT
        connection = plain.execution_options(**once)
        with connection.begin():
            yield connection


@contextmanager
def told(engine: Engine) -> Generator[None, None, None]:
    """What a database refuses becomes a sentence that names the mend, without anybody's text."""
    try:
        yield
    except (OverflowError, UnicodeEncodeError, DataError) as error:
        what = HALF if isinstance(error, UnicodeEncodeError) else "a number is larger than any id"
        raise UserError(f"{what}: nothing was changed") from error
    except DBAPIError as error:
        reason = error.orig
        what = f"{getattr(reason, 'sqlite_errorname', '')} {reason}"
        where = engine.url.database or "the database"
        mend = next((said for part, said in MENDS.items() if part in what), None)
        unreached = error.connection_invalidated or not error.statement
        if mend is None and engine.dialect.name == "postgresql" and unreached:
            mend = "cannot be reached: check its address, and that it runs"
        if mend is None:
            raise
        raise UserError(f"the conversations in '{where}' {mend}") from error
    except SQLAlchemyError as error:
        raise UserError(
            f"the database does not answer ({type(error).__name__}): try again"
        ) from error
