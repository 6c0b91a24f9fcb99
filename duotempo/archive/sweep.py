"""Takes what was deleted out of a database's files too, and goes on with that after a crash."""

import sqlite3
from contextlib import closing

from sqlalchemy import Connection, Engine, text

from duotempo.archive.engine import told
from duotempo.archive.schema import told as told_of_file
from duotempo.archive.tables import OWNED, PERSON
from duotempo.core import UserError


def owe(db: Connection) -> None:
    """Note, in the transaction that deletes, that the files hold it still."""
    if db.dialect.name == "sqlite":
        owing = db.exec_driver_sql("PRAGMA user_version").scalar() or 0
        db.exec_driver_sql(f"PRAGMA user_version = {owing % 2**30 + 1}")


def owed(engine: Engine) -> bool:
    """Whether something was deleted that no sweep has taken out of the files."""
    if engine.dialect.name != "sqlite":
        return False
    with told(engine), engine.connect() as db:
        return bool(db.exec_driver_sql("PRAGMA user_version").scalar())


def finish(engine: Engine) -> None:
    """Sweep if a process was killed, or kept from it, after it had deleted; else do nothing."""
    if owed(engine):
        try:
            sweep(engine)
        except UserError:  # somebody holds the file: it stays owed
            return


def sweep(engine: Engine) -> None:
    """Take what was deleted out of the files. Raises `UserError` if others keep them busy."""
    if engine.dialect.name != "sqlite":
        with told(engine), engine.connect() as plain:
            db = plain.execution_options(isolation_level="AUTOCOMMIT")
            for table in (PERSON, *OWNED):
                db.execute(text(f"VACUUM FULL {table.name}"))
        return
    where = engine.url.database or ""
    with told_of_file(where), closing(engine.raw_connection()) as raw:
        cursor = raw.cursor()
        (owing,) = cursor.execute("PRAGMA user_version").fetchone()
        cursor.execute("VACUUM")
        if cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise UserError(
                "it is forgotten, but another process reads the file, which may hold it still: end "
                "that, then open these conversations once more"
            ) from sqlite3.OperationalError("the log is read")
        cursor.execute("BEGIN IMMEDIATE")
        if cursor.execute("PRAGMA user_version").fetchone() == (owing,):
            cursor.execute("PRAGMA user_version = 0")
        cursor.execute("COMMIT")
