"""Saved streams of small native models, and what a stranger can do to them."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from duotempo.models.decoder import Decoder, State
from duotempo.models.stream_files import save_state
from tests.models.native import KINDS


def byte_model(kind: str, seed: int = 0, dtype: torch.dtype = torch.float32) -> Decoder:
    """A small model of bytes, in eval mode."""
    torch.manual_seed(seed)
    return Decoder(replace(KINDS[kind], vocab=256)).to(dtype).eval()


def some_bytes(time: int, batch: int = 1, seed: int = 0) -> torch.Tensor:
    """Tokens to read."""
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (batch, time), generator=g)


@torch.no_grad()
def after(model: Decoder, tokens: torch.Tensor, state: State | None = None) -> State:
    """The state after some tokens."""
    return model(tokens, state)[1]


def saved_stream(folder: Path) -> tuple[Path, Decoder, State]:
    """Save a state; gives the folder, its model, and the state."""
    model = byte_model("mag, deep")
    state = after(model, some_bytes(13))
    save_state(folder, state, model, ahead=torch.ones(1, 256), about={"model": "x"})
    return folder, model, state


def facts_of(folder: Path) -> dict[str, Any]:
    """What the JSON file says."""
    return json.loads((folder / "state.json").read_text())


def tensor_file(folder: Path) -> Path:
    """The file with the tensors."""
    (path,) = folder.glob("stream-*.safetensors")
    return path


def seal(folder: Path, content: bytes, **facts: Any) -> None:
    """Put other content in the place of the tensors, under a true name, as its maker could."""
    tensor_file(folder).unlink()
    name = f"stream-{hashlib.sha256(content).hexdigest()}.safetensors"
    (folder / name).write_bytes(content)
    said = facts_of(folder) | {"files": {"tensors": name}} | facts
    (folder / "state.json").write_text(json.dumps(said))


def reseal(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    """Change tensors, and the header with them."""
    tensors = load_file(tensor_file(folder))
    change(tensors)
    scratch = folder / "scratch"
    save_file(tensors, scratch)
    content = scratch.read_bytes()
    scratch.unlink()
    seal(folder, content, tensors={name: list(t.shape) for name, t in tensors.items()})
