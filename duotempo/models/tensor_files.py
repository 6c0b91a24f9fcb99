"""Named tensors in a safetensors file: written flat, read back with one kind of error."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from torch import Tensor


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors, each with numbers of its own, wherever they are; raises `OSError`."""
    flat = {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()  # views and twins of one another have no place in it
    }
    try:
        save_file(flat, path)
    except SafetensorError as error:
        raise OSError(str(error)) from error


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
