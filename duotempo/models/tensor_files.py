"""Named tensors in a safetensors file: written flat, read back with one kind of error."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], *, metadata: dict[str, str] | None = None
) -> None:
    """Write tensors, each with numbers of its own, wherever they are; raises `OSError`."""
    try:
        save_file(_flat(tensors), path, metadata)
    except SafetensorError as error:
        raise OSError(str(error)) from error


def _flat(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same numbers without gaps; those that lie where another's lie are copied."""
    flat: dict[str, Tensor] = {}
    taken = set()
    for name, tensor in tensors.items():
        one = tensor.detach().cpu().contiguous()
        place = one.untyped_storage().data_ptr()
        flat[name] = one.clone() if place in taken else one
        taken.add(place)
    return flat


def read_tensors(path: Path) -> dict[str, Tensor]:
    """All tensors of a file, on the processor; raises `ValueError` for any other file."""
    try:
        return load(path.read_bytes())
    except (OSError, SafetensorError, ValueError, LookupError, RuntimeError) as error:
        raise ValueError(f"{path.name} is not safetensors") from error


def add_weights(digest: "hashlib._Hash", weights: Mapping[str, Tensor]) -> None:
    """Let a digest take in every weight: its name, dtype, shape and bytes."""
    for name, weight in sorted(weights.items()):
        digest.update(f"{name} {weight.dtype} {tuple(weight.shape)}".encode())
        flat = weight.detach().cpu().contiguous().reshape(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
