"""A reader on disk: tensors, the archive, and one JSON file that names both, replaced last."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor

from duotempo.core import UserError

FORMAT = 1
POINTER = "state.json"


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

    Raises `UserError` when the folder cannot be written or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".saving-", dir=folder))
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
        _tidy(folder, set(names.values()))
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"could not save to {folder} ({error}): free some space or choose another folder; "
            "what was saved there before is intact"
        ) from error


def _settle(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


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
    """Remove files of earlier saves, and what killed saves left behind."""
    for path in folder.iterdir():
        old = path.name.startswith(("fast-", "archive-")) and path.name not in kept
        if old and path.is_file():
            path.unlink()
        elif path.name.startswith(".saving-"):
            for file in path.iterdir():
                file.unlink()
            path.rmdir()


def read(folder: Path) -> Saved:
    """Load a state folder as data, each file checked against its hash; raises `UserError`."""
    facts = _facts(folder)
    files = facts.get("files")
    if not isinstance(files, dict) or set(files) != {"tensors", "archive"}:
        raise _broken(folder, f"{POINTER} does not name its files")
    paths = {}
    for part, name in files.items():
        if not isinstance(name, str) or Path(name).name != name:
            raise _broken(folder, f"{POINTER} names a file outside the folder")
        paths[part] = _checked(folder, name)
    try:
        tensors = load(paths["tensors"].read_bytes())
    except SafetensorError as error:
        raise _broken(folder, f"{paths['tensors'].name} is not safetensors") from error
    return Saved(facts, tensors, paths["archive"])


def _facts(folder: Path) -> dict[str, Any]:
    try:
        facts = json.loads((folder / POINTER).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(
            f"{folder} is not a saved state (it has no {POINTER}): "
            "make one with `duotempo read FILE --save FOLDER`"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(folder, f"{POINTER} is not JSON") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise _broken(folder, f"{POINTER} is not of format {FORMAT}")
    return facts


def _checked(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise _broken(folder, f"{name} is missing")
    if name.rpartition("-")[2].partition(".")[0] != _sha256(path):
        raise _broken(folder, f"{name} is truncated or was changed")
    return path


def _broken(folder: Path, why: str) -> UserError:
    return UserError(
        f"the state in {folder} cannot be used, {why}: read the text again into a new one"
    )
