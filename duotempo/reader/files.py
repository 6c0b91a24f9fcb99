"""A reader on disk: tensors, the archive, and one JSON file that names both, replaced last."""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from duotempo.core import UserError

FORMAT = 1
POINTER = "state.json"
NAMES = {
    "tensors": re.compile(r"fast-([0-9a-f]{64})\.safetensors"),
    "archive": re.compile(r"archive-([0-9a-f]{64})\.sqlite"),
}
"""What the files of a state are called: by the sha256 of what is in them."""
SCRATCH = ".saving-"


@dataclass(frozen=True)
class Saved:
    """What a state folder holds: facts for JSON, tensors by name, the archive's file."""

    facts: Mapping[str, Any]
    tensors: Mapping[str, Tensor]
    archive: Path


def write(
    folder: Path,
    facts: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    copy_archive: Callable[[Path], object],
) -> None:
    """Save a state. Until the last rename the folder still holds the state it held before.

    Raises `UserError` when the folder cannot be written, the disk is full, or the folder holds a
    `state.json` of another kind.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / POINTER).exists():
            _facts(folder)  # what is there is a state, so it may be replaced
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
        try:
            _write(folder, scratch, facts, tensors, copy_archive)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"could not save to {folder} ({error}): free some space or choose another folder; "
            "what was saved there before is intact"
        ) from error


def _write(
    folder: Path,
    scratch: Path,
    facts: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    copy_archive: Callable[[Path], object],
) -> None:
    flat = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    save_file(flat, scratch / "tensors")
    copy_archive(scratch / "archive")
    names = {
        "tensors": _adopt(scratch / "tensors", folder, "fast", ".safetensors"),
        "archive": _adopt(scratch / "archive", folder, "archive", ".sqlite"),
    }
    pointer = scratch / POINTER
    pointer.write_text(json.dumps({"format": FORMAT, "files": names, **facts}, indent=1))
    _settle(pointer)
    os.replace(pointer, folder / POINTER)
    _settle_names(folder)
    _tidy(folder, set(names.values()))


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _settle_names(folder: Path) -> None:
    """Let the renames outlive a power cut, before what they replaced is removed."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _adopt(scratch: Path, folder: Path, stem: str, ending: str) -> str:
    """Move a finished file into the folder under a name made of its content."""
    _settle(scratch)
    name = f"{stem}-{_sha256(scratch)}{ending}"
    os.replace(scratch, folder / name)
    return name


def _tidy(folder: Path, kept: set[str]) -> None:
    """Remove files of earlier saves, and what killed saves left behind; nothing of anyone else.

    What cannot be removed stays: the new state is in place, and the next save tries again.
    """
    for path in folder.iterdir():
        ours = any(name.fullmatch(path.name) for name in NAMES.values())
        if ours and path.name not in kept:
            with suppress(OSError):
                path.unlink()
        elif path.name.startswith(SCRATCH):
            shutil.rmtree(path, ignore_errors=True)


def read(folder: Path) -> Saved:
    """Load a state folder as data, each file checked against its hash; raises `UserError`."""
    facts = _facts(folder)
    files = facts.get("files")
    if not isinstance(files, dict) or set(files) != set(NAMES):
        raise broken(folder, f"{POINTER} does not name its files")
    paths = {part: _checked(folder, part, name) for part, name in files.items()}
    try:
        tensors = load(paths["tensors"].read_bytes())
    except (OSError, SafetensorError, ValueError, LookupError, RuntimeError) as error:
        raise broken(folder, f"{paths['tensors'].name} is not safetensors") from error
    return Saved(facts, tensors, paths["archive"])


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / POINTER).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"{folder} is not a saved state (it has no {POINTER}): "
            "make one with `duotempo read FILE --save FOLDER`"
        ) from error
    except OSError as error:
        raise broken(folder, f"{POINTER} cannot be read ({error})") from error
    except (ValueError, RecursionError) as error:
        raise broken(folder, f"{POINTER} is not JSON") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise broken(folder, f"{POINTER} is not of format {FORMAT}")
    return facts


def _checked(folder: Path, part: str, name: object) -> Path:
    """The file of a part, if it holds what its name says."""
    called = NAMES[part].fullmatch(name) if isinstance(name, str) else None
    if called is None:
        raise broken(folder, f"{POINTER} names a file that is none of its own")
    path = folder / called[0]
    try:
        sound = _sha256(path) == called[1]
    except OSError as error:
        raise broken(folder, f"{path.name} is missing or cannot be read") from error
    if not sound:
        raise broken(folder, f"{path.name} is truncated or was changed")
    return path


def broken(folder: Path, why: str) -> UserError:
    """The error for a state that is not whole, with the mend."""
    return UserError(
        f"the state in {folder} cannot be used, {why}: "
        "read the text again into a new one, in another folder"
    )
