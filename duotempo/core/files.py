"""Files that are whole or not there: written beside their place, then moved into it."""

import os
from pathlib import Path

from duotempo.core import UserError


def write_text(path: Path, text: str) -> None:
    """Write a text file so that a kill leaves the old file or the new one, never half a file.

    Raises `UserError` when the disk is full or the folder may not be written.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"cannot write {path} ({error.strerror}): free some space or choose another folder"
        ) from error
