"""A native model's folder, config.json and model.safetensors, in Hugging Face's own form."""

import json
import os
import shutil
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from duotempo.core import UserError
from duotempo.models.bytes_tokenizer import BYTES, byte_tokenizer
from duotempo.models.config import Config
from duotempo.models.decoder import Decoder
from duotempo.models.hf import DuotempoConfig, wrap
from duotempo.models.pretrained import quiet

CONFIG, WEIGHTS, PREFIX = "config.json", "model.safetensors", "model."
SLEEP, THINKING = "sleep.json", "thinking.json"
FILES = {
    CONFIG, WEIGHTS, SLEEP, THINKING, "generation_config.json", "tokenizer.json",
    "tokenizer_config.json",
}  # fmt: skip
"""What a model's folder may hold if a new model is to take its place."""
LONGEST_CONFIG = 1_000_000


def save_model(folder: Path, model: Decoder) -> None:
    """Save a native model, with the byte tokenizer if it reads bytes.

    The folder is made beside its place and moved there when whole; a model that was there before
    makes room. Raises `UserError` when it cannot be written, or holds something else than a model.
    """
    if folder.exists():
        _replaceable(folder)
    scratch = folder.with_name(f".saving-{folder.name}")
    old = folder.with_name(f".saving-old-{folder.name}")
    try:
        for left in (scratch, old):  # by a kill
            shutil.rmtree(left, ignore_errors=True)
        write_model(scratch, model)
        for path in (*scratch.iterdir(), scratch):
            _settle(path)
        if folder.exists():
            os.replace(folder, old)
        os.replace(scratch, folder)
        _settle(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(scratch, ignore_errors=True)
        raise UserError(
            f"could not save the model to {folder} ({_line(error)}): "
            "free some space or choose another folder"
        ) from error


def write_model(
    folder: Path, model: Decoder, beside: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write a model's files into a new folder, just so: for those who move it into place.

    `beside` are further JSON files (None: those that the model names).
    """
    with quiet():
        wrap(model).save_pretrained(folder, max_shard_size="1TB")
    for name, facts in (model.beside() if beside is None else beside).items():
        (folder / name).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    if model.config.vocab == BYTES:
        byte_tokenizer().save_pretrained(folder)


def load_model(folder: Path) -> Decoder:
    """The model of a folder, in evaluation mode, with weights of the type that was saved.

    Only JSON and safetensors are read, and nothing is built before the weights are known to fit.
    Raises `UserError` for a folder that is not whole or not a native model's.
    """
    config = _config(folder)
    weights = _weights(folder)
    if len(config.layout) > len(weights):
        raise _broken(folder, f"{CONFIG} names more blocks than {WEIGHTS} has weights")
    try:
        with torch.device("meta"):
            model = Decoder(config)
    except Exception as error:  # a stranger's sizes may fail anywhere in there
        raise _broken(folder, f"{CONFIG} describes no model that can be built") from error
    if unfit := _unfit(model, weights):
        raise _broken(folder, f"{WEIGHTS} does not fit {CONFIG}, first at {unfit}")
    model.load_state_dict(weights, assign=True)
    return model.eval()


def read_policy(folder: Path, name: str) -> dict[str, Any] | None:
    """The plain values of a policy beside a model's config, None where there is no such file.

    Raises `UserError` for a file that holds none.
    """
    path = folder / name
    if not path.is_file():
        return None
    if path.stat().st_size > LONGEST_CONFIG:
        raise UserError(f"{path} is far longer than a policy: copy the model again")
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON: copy or train the model again") from error
    if not isinstance(values, dict):
        raise UserError(f"{path} holds no policy: copy or train the model again")
    return values


def _replaceable(folder: Path) -> None:
    """Raise `UserError` unless a folder is empty or holds a native model and nothing else."""
    if not folder.is_dir():
        raise UserError(f"{folder} is a file: choose a folder for the model")
    others = sorted(path.name for path in folder.iterdir() if path.name not in FILES)
    if others:
        raise UserError(
            f"{folder} holds {others[0]}, which is no part of a native model: choose another folder"
        )
    if any(folder.iterdir()):
        _facts(folder)


def _settle(path: Path) -> None:
    """Have a file, or the names in a folder, outlive a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _facts(folder: Path) -> dict[str, Any]:
    """What `config.json` says, if it is a native model's."""
    path = folder / CONFIG
    if not path.is_file():
        raise UserError(
            f"{folder} is no model's folder (it has no {CONFIG}): give one that save_model or "
            "save_pretrained wrote"
        )
    try:
        if path.stat().st_size > LONGEST_CONFIG:
            raise _broken(folder, f"{CONFIG} is far longer than a config")
        facts = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _broken(folder, f"{CONFIG} cannot be read ({error.strerror})") from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _broken(folder, f"{CONFIG} is not JSON") from error
    if not isinstance(facts, dict) or facts.get("model_type") != DuotempoConfig.model_type:
        raise UserError(
            f"{folder} holds a model of another kind: a native model's {CONFIG} has "
            f'"model_type": "{DuotempoConfig.model_type}"'
        )
    return facts


def _config(folder: Path) -> Config:
    facts = _facts(folder)
    if not isinstance(facts.get("native"), dict):
        raise _broken(folder, f"{CONFIG} does not describe its layers")
    try:
        return DuotempoConfig(native=facts["native"]).native_config
    except Exception as error:  # values of any kind may stand in there
        raise _broken(folder, f"{CONFIG} describes no model ({_line(error)})") from error


def _weights(folder: Path) -> dict[str, Tensor]:
    path = folder / WEIGHTS
    if not path.is_file():
        raise _broken(folder, f"{WEIGHTS} is missing")
    try:
        named = load_file(path)
    except (OSError, SafetensorError, ValueError, LookupError, RuntimeError) as error:
        raise _broken(folder, f"{WEIGHTS} is truncated or is not safetensors") from error
    # a copy stands where torch would put it: products may differ by a bit with the alignment
    return {name.removeprefix(PREFIX): tensor.clone() for name, tensor in named.items()}


def _unfit(model: Decoder, weights: dict[str, Tensor]) -> str | None:
    """The first name at which weights and model differ in name, shape or kind of number."""
    wanted = {name: tensor.shape for name, tensor in model.state_dict().items()}
    for name in sorted(wanted.keys() | weights.keys()):
        tensor = weights.get(name)
        if tensor is None or tensor.shape != wanted.get(name) or not tensor.is_floating_point():
            return name
    return None


def _broken(folder: Path, why: str) -> UserError:
    """The error for a folder that is not whole, with the mend."""
    return UserError(f"the model in {folder} cannot be used, {why}: copy or train it again")


def _line(error: Exception) -> str:
    """An error as a part of a sentence."""
    return textwrap.shorten(str(error), 200, placeholder=" ...")
