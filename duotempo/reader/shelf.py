"""The archive that a reader lives with: its own, in a folder that goes when the reader goes."""

import shutil
import sqlite3
import tempfile
import textwrap
import weakref
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from duotempo.archive import Archive
from duotempo.core import UserError


class Shelf:
    """An archive in a temporary folder: empty, or what `fill` wrote to the path it was given.

    `close` removes both; so does the end of the shelf's own life. Raises `UserError` when the
    folder cannot be made or filled.
    """

    def __init__(self, fill: Callable[[Path], object] | None = None) -> None:
        parts = ExitStack()
        self.close = weakref.finalize(self, parts.close)
        try:
            folder = tempfile.mkdtemp(prefix="duotempo-")
            parts.callback(shutil.rmtree, folder, ignore_errors=True)
            path = Path(folder) / "archive.sqlite"
            if fill is not None:
                fill(path)
        except OSError as error:
            raise UserError(
                f"no room for the archive among the temporary files ({error}): free some space, "
                "or name another folder in TMPDIR"
            ) from error
        self.archive = Archive.open(path)
        parts.callback(_let_go, self.archive)


def _let_go(archive: Archive) -> None:
    with suppress(sqlite3.ProgrammingError):  # another thread's: it closes when its object goes
        archive.close()


def copied(archive: Path) -> Shelf:
    """A shelf with a copy of an archive from anywhere; raises `UserError` if it is not sound."""
    try:
        shelf = Shelf(lambda path: shutil.copyfile(archive, path))
        faults = shelf.archive.verify()
    except (UserError, sqlite3.Error) as error:
        raise _unsound(archive, str(error)) from error
    if faults:
        raise _unsound(archive, faults[0])
    return shelf


def _unsound(archive: Path, why: str) -> UserError:
    why = textwrap.shorten(why, 200, placeholder=" ...")
    return UserError(
        f"the archive in {archive.parent} is not sound ({why}): "
        "read the text again into a new state"
    )
