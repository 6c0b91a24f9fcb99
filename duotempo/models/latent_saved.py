"""A model with latents from its folder (thinking.json beside its config), and its posteriors."""

import json
import os
from pathlib import Path

from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.latent import LatentDecoder
from duotempo.models.posterior import Posterior
from duotempo.models.saved import THINKING, load_model, read_policy
from duotempo.models.stream_files import fingerprint
from duotempo.models.tensor_files import read_tensors, write_tensors
from duotempo.models.thinking import Thinking

MODEL = "model"
PARTS = ("mean", "log_var")
LONGEST = 1 << 30
"""Bytes of a posterior's file: more is not one."""


def load_thinking(folder: Path) -> Thinking | None:
    """The policy that a model was trained with, None if it has no latents.

    Raises `UserError` for a file that holds none.
    """
    values = read_policy(folder, THINKING)
    return None if values is None else Thinking.from_dict(values)


def thinks(model: Decoder, thinking: Thinking) -> LatentDecoder:
    """A decoder's weights in a model that fits its latents; raises `UserError` without any."""
    found = LatentDecoder(model.config, thinking)
    found.load_state_dict(model.state_dict(), assign=True)
    return found.train(model.training)


def load_latent(folder: Path) -> LatentDecoder:
    """The model of a folder, in evaluation mode, with the policy it was trained with.

    Raises `UserError` for a model without latents, or a folder that is not whole.
    """
    thinking = load_thinking(folder)
    if thinking is None:
        raise UserError(
            f"the model in {folder} has no latents (no {THINKING}): give the folder of one that "
            "has, or train one with `duotempo train latent:prose`"
        )
    return thinks(load_model(folder), thinking)


def load_native(folder: Path) -> Decoder:
    """The model of a folder as it is read with: one with latents fits them."""
    thinking, model = load_thinking(folder), load_model(folder)
    return model if thinking is None else thinks(model, thinking)


def save_posterior(path: Path, posterior: Posterior, model: LatentDecoder) -> None:
    """Save a posterior with the fingerprint of its model, atomically. Raises `UserError`."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    tensors = {name: getattr(posterior, name) for name in PARTS}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(part, tensors, metadata={MODEL: fingerprint(model)})
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise UserError(
            f"cannot write {path} ({error.strerror or error}): free some space or choose another "
            "folder"
        ) from error


def load_posterior(path: Path, model: LatentDecoder) -> Posterior:
    """The posterior of a file, for the model it was fitted with; raises `UserError` for another."""
    if not path.is_file():
        raise UserError(f"there is no file {path}: give one that save_posterior wrote")
    try:
        if path.stat().st_size > LONGEST:
            raise ValueError(f"{path.name} is too large")
        tensors, said = read_tensors(path), _metadata(path)
    except ValueError as error:
        raise UserError(f"{path} holds no posterior ({error}): fit one again") from error
    shapes = {name: tuple(tensor.shape)[1:] for name, tensor in tensors.items()}
    wanted = (model.latents, model.config.width)
    if said.get(MODEL) != fingerprint(model) or shapes != dict.fromkeys(PARTS, wanted):
        raise UserError(
            f"the posterior in {path} was fitted with another model: load it with its own, or fit "
            "one to the text again"
        )
    if not all(t.is_floating_point() and bool(t.isfinite().all()) for t in tensors.values()):
        raise UserError(f"{path} holds numbers that are not finite: fit the posterior again")
    if tensors[PARTS[0]].shape != tensors[PARTS[1]].shape:
        raise UserError(f"{path} holds means and variances of different sequences: fit it again")
    like = model.embedding.weight
    return Posterior(*(tensors[name].to(like) for name in PARTS))


def _metadata(path: Path) -> dict[str, str]:
    """What a safetensors file says about itself; it is known to be one."""
    with path.open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    said = header.get("__metadata__")
    return said if isinstance(said, dict) else {}
