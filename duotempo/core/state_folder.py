"""A state on disk: files named by what is in them, and one JSON file that names them, put last."""

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

from duotempo.core.errors import UserError

FORMAT = 1
POINTER = "state.json"
LONGEST = 1 << 24  # bytes of the JSON file: a real one has a few thousand
SCRATCH = ".saving-"
ATTACHED, NATIVE = "attached", "native"
"""The kinds of state: of a model that people have, which came first and so may go unnamed; of a
native model."""


@dataclass(frozen=True)
class Layout:
    """What the folder of a kind of state holds: each part's file, as (beginning, ending)."""

    kind: str
    parts: Mapping[str, tuple[str, str]]

    @property
    def names(self) -> dict[str, re.Pattern[str]]:
        """What the files are called: by the sha256 of what is in them."""
        return {
            part: re.compile(rf"{stem}-([0-9a-f]{{64}}){re.escape(ending)}")
            for part, (stem, ending) in self.parts.items()
        }


def write(
    folder: Path,
    layout: Layout,
    facts: Mapping[str, Any],
    makers: Mapping[str, Callable[[Path], object]],
) -> None:
    """Save a state; each maker writes its part to the path it is given.

    Until the last rename the folder still holds the state it held before. Raises `UserError` when
    the folder cannot be written, the disk is full, or its `state.json` is of another kind.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / POINTER).exists():
            read_facts(folder, layout)  # what is there is such a state, so it may be replaced
        scratch = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=folder))
        try:
            _write(folder, scratch, layout, facts, makers)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise UserError(
            f"could not save to {folder} ({error}): free some space or choose another folder; "
            "what was saved there before is intact"
        ) from error


def _write(
    folder: Path,
    scratch: Path,
    layout: Layout,
    facts: Mapping[str, Any],
    makers: Mapping[str, Callable[[Path], object]],
) -> None:
    for part, make in makers.items():
        make(scratch / part)
    names = {part: _adopt(scratch / part, folder, layout.parts[part]) for part in makers}
    pointer = scratch / POINTER
    said = {"format": FORMAT, "kind": layout.kind, "files": names, **facts}
    pointer.write_text(json.dumps(said, indent=1))
    settle(pointer)
    os.replace(pointer, folder / POINTER)
    settle_names(folder)
    _tidy(folder, layout, set(names.values()))


def settle(path: Path) -> None:
    """Let the content of a file outlive a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def settle_names(folder: Path) -> None:
    """Let the renames outlive a power cut, before what they replaced is removed."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _adopt(scratch: Path, folder: Path, called: tuple[str, str]) -> str:
    """Move a finished file into the folder under a name made of its content."""
    settle(scratch)
    name = f"{called[0]}-{_sha256(scratch)}{called[1]}"
    os.replace(scratch, folder / name)
    return name


def _tidy(folder: Path, layout: Layout, kept: set[str]) -> None:
    """Remove files of earlier saves, and what killed saves left behind; nothing of anyone else.

    What cannot be removed stays: the new state is in place, and the next save tries again.
    """
    names = layout.names.values()
    for path in folder.iterdir():
        ours = any(name.fullmatch(path.name) for name in names)
        if ours and path.name not in kept:
            with suppress(OSError):
                path.unlink()
        elif path.name.startswith(SCRATCH):
            shutil.rmtree(path, ignore_errors=True)


def read(folder: Path, layout: Layout) -> tuple[dict[str, Any], dict[str, Path]]:
    """The facts of a state and the files of its parts, each checked against its hash.

    Raises `UserError` for what is no whole state of this kind.
    """
    facts = read_facts(folder, layout)
    files = facts.get("files")
    if not isinstance(files, dict) or set(files) != set(layout.parts):
        raise broken(folder, f"{POINTER} does not name its files")
    return facts, {part: _checked(folder, layout, part, name) for part, name in files.items()}


def read_facts(folder: Path, layout: Layout) -> dict[str, Any]:
    """The facts of a state, its files unseen; raises `UserError`."""
    facts = _facts(folder)
    if _kind(facts) != layout.kind:
        raise broken(folder, f"{POINTER} is not that of a state of the kind {layout.kind!r}")
    return facts


def kind_of(folder: Path) -> object:
    """The kind that the state in a folder says it is; None where there is no state."""
    with suppress(UserError):
        return _kind(_facts(folder))
    return None


def _kind(facts: Mapping[str, Any]) -> object:
    return facts.get("kind", ATTACHED)


def _facts(folder: Path) -> dict[str, Any]:
    try:
        with (folder / POINTER).open("rb") as file:
            content = file.read(LONGEST + 1)
        if len(content) > LONGEST:
            raise broken(folder, f"{POINTER} is too long to be one")
        facts = json.loads(content.decode())
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"{folder} is not a saved state (it has no {POINTER}): "
            "make one with `duotempo read FILE --save FOLDER`"
        ) from error
    except OSError as error:
        raise broken(folder, f"{POINTER} cannot be read ({error})") from error
    except UserError:
        raise
    except (ValueError, RecursionError) as error:
        raise broken(folder, f"{POINTER} is not JSON") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise broken(folder, f"{POINTER} is not of format {FORMAT}")
    return facts


def _checked(folder: Path, layout: Layout, part: str, name: object) -> Path:
    """The file of a part, if it holds what its name says."""
    called = layout.names[part].fullmatch(name) if isinstance(name, str) else None
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
