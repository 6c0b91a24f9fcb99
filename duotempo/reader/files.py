"""A reader on disk: its tensors and its archive, in a state folder."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from duotempo.core import state_folder
from duotempo.core.state_folder import ATTACHED, Layout, broken
from duotempo.models.tensor_files import read_tensors, write_tensors

__all__ = ["NAMES", "Saved", "broken", "read", "write"]

LAYOUT = Layout(ATTACHED, {"tensors": ("fast", ".safetensors"), "archive": ("archive", ".sqlite")})
NAMES = LAYOUT.names


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
    """Save a state, or leave the one that is there; raises `UserError`."""
    makers = {"tensors": lambda path: write_tensors(path, tensors), "archive": copy_archive}
    state_folder.write(folder, LAYOUT, facts, makers)


def read(folder: Path) -> Saved:
    """Load a state folder as data, each file checked against its hash; raises `UserError`."""
    facts, paths = state_folder.read(folder, LAYOUT)
    try:
        tensors = read_tensors(paths["tensors"])
    except ValueError as error:
        raise broken(folder, str(error)) from error
    return Saved(facts, tensors, paths["archive"])
