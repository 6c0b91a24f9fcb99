"""A native model's stream on disk: its state as tensors, and a header that says whose it is."""

import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.utils._pytree import keystr, tree_flatten, tree_flatten_with_path, tree_unflatten

from duotempo.core import UserError, state_folder
from duotempo.core.state_folder import NATIVE, Layout, broken
from duotempo.models.attention import KeysAndValues
from duotempo.models.decoder import Decoder, State
from duotempo.models.mac import Segment
from duotempo.models.tensor_files import add_weights, read_tensors, write_tensors

LAYOUT = Layout(NATIVE, {"tensors": ("stream", ".safetensors")})
ROOM = 1 << 20  # bytes that a tensor file may have beyond its tensors: names, shapes
MOST = 2**48  # tokens of a stream, 89 years at a hundred thousand a second
ROWS = 2**16
GROWING = {"keys": 2, "values": 2, "recalled_keys": 2, "recalled_values": 2, "valid": 1}
"""The axis of tokens in the parts of a state that grow: of a cache without a window, and of an
open segment."""
AHEAD = "ahead"
POSITION = ".position"
BEGUN, OPEN = ".before.position", ".tokens"
"""Of a model with latents: where its open segment began, and the tokens of it."""


@dataclass(frozen=True)
class Stored:
    """What was saved: a state, the logits of the token after it, and what the saver said."""

    state: State
    ahead: Float[Tensor, "batch vocab"] | None
    about: Mapping[str, Any]


@dataclass(frozen=True)
class Like:
    """The shape and dtype that a tensor must have."""

    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def bytes(self) -> int:
        """Size of such a tensor."""
        count = self.dtype.itemsize
        for size in self.shape:
            count *= size
        return count


def save_state(
    folder: Path | str,
    state: State,
    model: Decoder,
    *,
    ahead: Float[Tensor, "batch vocab"] | None = None,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Save a state in a folder of its own; a kill at any moment leaves the old one or the new one.

    `ahead` are the logits of the next token; `about` is plain values to be kept along. Raises
    `UserError` for a state that is not of this model or not finite, a folder that cannot be
    written, or a full disk; what was saved there before is intact then.
    """
    tensors = _named(state) if ahead is None else {**_named(state), AHEAD: ahead}
    position = state.position.tolist()
    if why := _misfit(tensors, _wanted(model, position, ahead is not None)):
        raise UserError(
            f"this state cannot be saved, {why}: save a state that its own model made, and look "
            "for what went wrong in the reading if its numbers are not finite"
        )
    facts = {
        "model": _maker(model),
        "position": position,
        "tensors": {name: list(tensor.shape) for name, tensor in tensors.items()},
        "about": dict(about or {}),
    }
    makers = {"tensors": lambda path: write_tensors(path, tensors)}
    state_folder.write(Path(folder), LAYOUT, facts, makers)


def load_state(folder: Path | str, model: Decoder) -> State:
    """The state in a folder, for the model that made it; raises `UserError` for anything else."""
    return load_stream(folder, model).state


def load_stream(folder: Path | str, model: Decoder) -> Stored:
    """All that `save_state` was given; every number in it is checked. Raises `UserError`."""
    folder = Path(folder)
    facts, paths = state_folder.read(folder, LAYOUT)
    _check_maker(folder, facts.get("model"), _maker(model))
    position, shapes = facts.get("position"), facts.get("tensors")
    if not isinstance(position, list) or not all(_count(place, MOST) for place in position):
        raise broken(folder, "its header does not say where its streams are")
    if not 1 <= len(position) <= ROWS or not isinstance(shapes, dict):
        raise broken(folder, "its header does not say what it holds")
    wanted = _wanted(model, position, AHEAD in shapes)
    if paths["tensors"].stat().st_size > sum(like.bytes for like in wanted.values()) + ROOM:
        raise broken(folder, "its tensors are larger than this model's")
    try:
        tensors = read_tensors(paths["tensors"])
    except ValueError as error:
        raise broken(folder, str(error)) from error
    if why := _misfit(tensors, wanted) or _disorder(tensors, facts, model):
        raise broken(folder, why)
    placed = {n: tensor.to(model.embedding.weight.device) for n, tensor in tensors.items()}
    ahead, leaves = placed.pop(AHEAD, None), [placed[n] for n in wanted if n != AHEAD]
    about = facts.get("about")
    state = tree_unflatten(leaves, tree_flatten(model.stored(0))[1])
    return Stored(state, ahead, about if isinstance(about, dict) else {})


def fingerprint(model: Decoder) -> str:
    """64 hexadecimal digits that name exactly this config with these weights."""
    digest = sha256(model.config.hash.encode())
    add_weights(digest, model.state_dict())
    return digest.hexdigest()


def _maker(model: Decoder) -> dict[str, Any]:
    """Whose a state is; what a person would look at first stands first."""
    config = model.config
    return {
        "rule": config.memory.rule,
        "chunk": config.memory.chunk,
        "segment": config.segment,
        "window": config.window,
        "dtype": str(model.embedding.weight.dtype).removeprefix("torch."),
        "config": config.hash,
        "fingerprint": fingerprint(model),
    }


def _check_maker(folder: Path, said: object, own: Mapping[str, Any]) -> None:
    if not isinstance(said, dict) or said.keys() != own.keys():
        raise broken(folder, "its header does not name its model")
    for name, value in own.items():
        if said[name] != value or isinstance(said[name], bool):
            theirs = textwrap.shorten(repr(said[name]), 80, placeholder=" ...")
            raise UserError(
                f"the state in {folder} was made by a model with {name}={theirs}, this one has "
                f"{value!r}: load it with its own model, or read the text again"
            )


def _count(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most


def _named(state: State) -> dict[str, Tensor]:
    """Every tensor by the way that leads to it, as in `.blocks[1].parts[0].keys`."""
    return {keystr(path): tensor for path, tensor in tree_flatten_with_path(state)[0]}


def _wanted(model: Decoder, position: list[int], ahead: bool) -> dict[str, Like]:
    """What the tensors of a state must be like, in their order in the state."""
    empty, batch = model.stored(position[0]), len(position)
    grown = dict(_grown(model, empty, position[0]))
    likes = {}
    for name, tensor in _named(empty).items():
        shape = [batch, *tensor.shape[1:]]
        part, _, field = name.rpartition(".")
        if part in grown and field in GROWING:
            shape[GROWING[field]] = grown[part]
        likes[name] = Like(tuple(shape), tensor.dtype)
    if ahead:
        likes[AHEAD] = Like((batch, model.config.vocab), model.embedding.weight.dtype)
    return likes


def _grown(model: Decoder, empty: State, position: int) -> Iterator[tuple[str, int]]:
    """The parts of a state whose size depends on the position, and how many tokens they hold."""

    def part(value: object) -> bool:
        return isinstance(value, KeysAndValues | Segment)

    for path, value in tree_flatten_with_path(empty, is_leaf=part)[0]:
        if isinstance(value, Segment):
            yield keystr(path), position % model.config.segment
        elif isinstance(value, KeysAndValues) and model.config.window is None:
            yield keystr(path), position


def _misfit(tensors: Mapping[str, Tensor], wanted: Mapping[str, Like]) -> str | None:
    """What is wrong with tensors: another name, shape or dtype, or a number that is none."""
    if tensors.keys() != wanted.keys():
        name = min(tensors.keys() ^ wanted.keys())
        what = "is missing" if name in wanted else "is not one of this model's"
        return f"tensor {textwrap.shorten(repr(name), 80, placeholder=' ...')} {what}"
    for name, like in wanted.items():
        tensor = tensors[name]
        if tuple(tensor.shape) != like.shape or tensor.dtype != like.dtype:
            return (
                f"{name} is {str(tensor.dtype).removeprefix('torch.')} of shape "
                f"{list(tensor.shape)[:8]}, not of {list(like.shape)}"
            )
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            return f"{name} holds numbers that are not finite"
    return None


def _disorder(
    tensors: Mapping[str, Tensor], facts: Mapping[str, Any], model: Decoder
) -> str | None:
    """What contradicts the header or cannot be: places, counts within a chunk, truth values."""
    shapes = {name: list(tensor.shape) for name, tensor in tensors.items()}
    if facts["tensors"] != shapes or tensors[POSITION].tolist() != facts["position"]:
        return "its header and its tensors contradict one another"
    if OPEN in tensors and _gap(tensors, model):
        return "its open segment is not what its place says"
    for name, tensor in tensors.items():
        if tensor.dtype == torch.bool and (tensor.view(torch.uint8) > 1).any():
            return f"{name} holds what is neither true nor false"
        if name in (POSITION, BEGUN, OPEN):
            continue
        if tensor.dtype == torch.int64:
            within = (tensor >= 0) & (tensor < model.config.memory.chunk) & (tensor == tensor[0])
            if not within.all():
                return f"{name} counts tokens that no chunk has"
    return None


def _gap(tensors: Mapping[str, Tensor], model: Decoder) -> bool:
    """Whether an open segment does not end where its stream stands, or holds what is no token."""
    tokens = tensors[OPEN]
    ends = torch.equal(tensors[BEGUN] + tokens.shape[1], tensors[POSITION])
    return not ends or bool(((tokens < 0) | (tokens >= model.config.vocab)).any())
