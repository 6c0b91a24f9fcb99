"""Checkpoints that are whole or not there: written beside their place, settled, then moved."""

import json
import os
import shutil
import warnings
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed.checkpoint as dcp
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.hf_storage import (
    HuggingFaceStorageReader,
    HuggingFaceStorageWriter,
)
from torch.optim import Optimizer

from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.saved import write_model
from duotempo.models.tensor_files import write_tensors
from duotempo.train.optim import set_rate, whole
from duotempo.train.parallel import World

FORMAT = 1
KEPT = 2
CARD = "progress.json"
ALONE = "state.safetensors"


@dataclass(frozen=True)
class Progress:
    """How far a run is. `place` counts the steps of the stage, `passing` is the running share of
    right answers in it. Chance needs no record: every step draws from the run's seed and `step`."""

    step: int = 0
    stage: int = 0
    place: int = 0
    passing: float = 0.0
    tokens: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Learner:
    """What changes while training, in this process."""

    model: nn.Module
    optimisers: tuple[Optimizer, ...]
    world: World

    def tensors(self) -> dict[str, Tensor]:
        """Everything that a step changes, by name, as it is: to be saved, or to be loaded into."""
        named = dict(self.model.named_parameters())
        found = {f"model.{name}": tensor.detach() for name, tensor in named.items()}
        found |= {f"buffer.{name}": tensor for name, tensor in buffers(self.model).items()}
        for optimiser in self.optimisers:
            for name, parameter in named.items():
                for key, tensor in optimiser.state.get(parameter, {}).items():
                    found[f"optimiser.{name}.{key}"] = tensor
        return found

    def lay_out(self, held: Collection[str]) -> None:
        """Have the optimisers make the tensors that are among the names `held`, without a change
        to the model. Weights that never had a gradient have none."""
        set_rate(self.optimisers, 0.0)
        moved = {name.removeprefix("optimiser.").rpartition(".")[0] for name in held}
        for name, parameter in self.model.named_parameters():
            parameter.grad = torch.zeros_like(parameter) if name in moved else None
        for optimiser in self.optimisers:
            optimiser.step()
            optimiser.zero_grad()


def buffers(model: nn.Module) -> dict[str, Tensor]:
    """The buffers that belong to the model's state."""
    state = model.state_dict(keep_vars=True)
    return {name: tensor for name, tensor in model.named_buffers() if name in state}


def save(folder: Path, learner: Learner, progress: Progress, identity: str) -> None:
    """Save a checkpoint in a folder of checkpoints, and let all but the newest `KEPT` go.

    Raises `UserError` when the disk is full or may not be written; older ones are intact then.
    """
    world, tensors = learner.world, learner.tensors()
    facts = {"format": FORMAT, "identity": identity, "progress": asdict(progress)}

    def write(scratch: Path) -> None:
        if world.size == 1:
            write_tensors(scratch / ALONE, tensors)
        else:
            writer = HuggingFaceStorageWriter(str(scratch), save_distributed=True)
            dcp.save(tensors, storage_writer=writer)

    put(folder / f"step-{progress.step:09d}", write, world, facts)
    if world.first:
        for old in present(folder)[KEPT:]:
            shutil.rmtree(old, ignore_errors=True)  # what stays behind is removed next time
    world.wait()


def put(
    place: Path, write: Callable[[Path], None], world: World, facts: Mapping[str, Any] | None = None
) -> None:
    """Make a folder that is whole or not there, from what all processes `write` into it.

    With `facts`, a card beside the files holds them and what the files are.
    """
    scratch = place.with_name(f".saving-{place.name}")
    try:
        if world.first:
            for left in place.parent.glob(".saving-*"):  # by a kill
                shutil.rmtree(left)
            scratch.mkdir(parents=True)
        world.wait()
        write(scratch)
        world.wait()
        if world.first:
            if facts is not None:
                write_card(scratch, facts)
            for path in (*scratch.iterdir(), scratch):
                sync(path)
            move(scratch, place)
    except (OSError, SafetensorError, CheckpointException) as error:
        if world.first:
            shutil.rmtree(scratch, ignore_errors=True)
        raise UserError(
            f"could not save {place} ({' '.join(str(error).split())}): free some space and give "
            "the same command again; what was saved before is intact"
        ) from error
    world.wait()


def write_card(scratch: Path, facts: Mapping[str, Any]) -> None:
    """Write down what a folder of files holds, and how long each is."""
    files = {path.name: path.stat().st_size for path in sorted(scratch.iterdir())}
    (scratch / CARD).write_text(json.dumps({**facts, "files": files}, indent=1) + "\n")


def sync(path: Path) -> None:
    """Have a file or the names in a folder outlive a power cut."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def move(scratch: Path, place: Path) -> None:
    """Put a finished folder into its place; one that is there already makes room."""
    old = place.with_name(f".saving-old-{place.name}")
    if place.exists():
        os.replace(place, old)
    os.replace(scratch, place)
    sync(place.parent)
    shutil.rmtree(old, ignore_errors=True)


def present(folder: Path) -> list[Path]:
    """The checkpoints of a folder, the newest first."""
    return sorted(folder.glob("step-*"), reverse=True)


def card(place: Path) -> dict[str, Any] | None:
    """The card of a checkpoint whose files are all there in full length; None when not whole."""
    with suppress(OSError, ValueError, LookupError, TypeError):
        facts = json.loads((place / CARD).read_text(encoding="utf-8"))
        sizes = {name: (place / name).stat().st_size for name in facts["files"]}
        if facts["format"] == FORMAT and sizes == facts["files"]:
            return facts
    return None


def resume(folder: Path, learner: Learner, identity: str) -> Progress:
    """Load the newest whole checkpoint into the learner; without any, the beginning.

    Raises `UserError` when the checkpoints are another run's, or none is whole.
    """
    found = present(folder)
    for place in found:
        facts = card(place)
        if facts is None:
            warnings.warn(f"{place} is not whole: the checkpoint before it is used", stacklevel=2)
            continue
        if facts["identity"] != identity:
            raise UserError(
                f"{folder} holds the checkpoints of another run: "
                "use another folder, or --fresh to start anew"
            )
        load(place, learner)
        return Progress(**facts["progress"])
    if found:
        raise UserError(f"no checkpoint in {folder} is whole: start anew with --fresh")
    return Progress()


def load(place: Path, learner: Learner) -> None:
    """Fill the learner's tensors, whatever number of processes wrote the checkpoint."""
    try:
        if learner.world.size == 1 and (place / ALONE).exists():
            values = load_file(place / ALONE)
            learner.lay_out(values)
            fill(learner.tensors(), values)
        else:
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "torch.distributed is disabled")
                reader = HuggingFaceStorageReader(str(place))
                learner.lay_out(reader.read_metadata().state_dict_metadata)
                dcp.load(learner.tensors(), storage_reader=reader, no_dist=learner.world.size == 1)
    except (OSError, SafetensorError, CheckpointException, ValueError, KeyError) as error:
        raise UserError(
            f"{place} cannot be loaded ({' '.join(str(error).split())}): "
            "remove that folder to go on from the one before"
        ) from error


def fill(tensors: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    """Copy values into tensors of the same names."""
    if set(tensors) != set(values):
        raise ValueError("it names other tensors")
    for name, tensor in tensors.items():
        tensor.copy_(values[name])


def save_model(place: Path, learner: Learner, config: Mapping[str, Any]) -> None:
    """Write the model folder: a native model's as `models.saved` reads it, otherwise
    `model.safetensors` and `config.json`. Tied weights are saved once.

    Raises `UserError` when the disk is full.
    """
    parts = {**dict(learner.model.named_parameters()), **buffers(learner.model)}
    full = {name: whole(tensor.detach()).contiguous().cpu() for name, tensor in parts.items()}

    def write(scratch: Path) -> None:
        if learner.world.first and isinstance(learner.model, Decoder):
            with torch.device("meta"):
                alone = Decoder(learner.model.config)
            alone.load_state_dict(full, assign=True)
            write_model(scratch, alone, learner.model.beside())
        elif learner.world.first:
            write_tensors(scratch / "model.safetensors", full, metadata={"format": "pt"})
            (scratch / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    put(place, write, learner.world)


def load_model(place: Path, model: nn.Module) -> nn.Module:
    """Fill a model of the right shape with the weights of a model folder; raises `UserError`."""
    try:
        values = load_file(place / "model.safetensors")
        fill({**{n: p.data for n, p in model.named_parameters()}, **buffers(model)}, values)
    except (OSError, SafetensorError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{place} does not hold the weights of this model ({error}): "
            "name the folder `model` of its run"
        ) from error
    return model
