"""Chat models on disk: loaded by name, or from a run of `duotempo adapt`, to go on from there."""

import json
from pathlib import Path
from typing import Any

import torch

from duotempo.adapt.chat import ChatPolicy, need_peft
from duotempo.core import Tell, UserError, silent
from duotempo.core.files import write_text
from duotempo.models.pretrained import Pretrained, load, quiet

ADAPTER, CARD = "adapter_config.json", "adapted.json"
"""peft's file, and ours beside it, which names the model that the adapter is for."""


class SavedChat(ChatPolicy):
    """A policy that knows the name of its model, so that its adapter can be taken up again."""

    name: str = ""

    def saved(self, folder: Path) -> Path:
        """As `ChatPolicy.saved`, with a card that names the model."""
        super().saved(folder)
        if self.base is None:
            write_text(folder / CARD, json.dumps({"model": self.name}) + "\n")
        return folder


def loaded(
    name: str = "smollm2",
    *,
    rank: int | None = 8,
    longest: int = 24,
    piece: int | None = 8,
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    tell: Tell = silent,
) -> ChatPolicy:
    """The policy of a known name, a folder or a hub id, as `models.pretrained.load` takes them, or
    of a run of `duotempo adapt`: its adapter becomes part of the weights, a new one begins.

    float32 unless told otherwise: in half precision answers drawn with a cache and logits asked
    for without one differ by per cents. Raises `UserError` with the mend.
    """
    chain = adapters(Path(name).expanduser())
    found = load(chain[-1][1] if chain else whole(name), dtype=dtype, tell=tell)
    model: Any = found.model
    for folder, _ in reversed(chain):
        model = merged(model, folder)
    policy = SavedChat(model, found.tokenizer, rank=rank, longest=longest, piece=piece, seed=seed)
    policy.name = str(chain[0][0].resolve()) if chain else found.name
    if rank:
        name_base(policy, found, policy.name if chain else "")
    return policy


def whole(name: str) -> str:
    """The folder of all weights in a run, or the name as it is."""
    inner = Path(name).expanduser() / "model"
    return str(inner) if (inner / "config.json").is_file() else name


def adapters(place: Path) -> list[tuple[Path, str]]:
    """Adapters from a folder down to the model that the first of them was made for, each with the
    name of what it stands on; empty for a folder without one.

    Raises `UserError` for a card that cannot be read, or adapters that stand on each other.
    """
    found: list[tuple[Path, str]] = []
    while folder := next(
        (each for each in (place, place / "model") if (each / ADAPTER).is_file()), None
    ):
        if folder in [known for known, _ in found]:
            raise UserError(f"{folder} stands on itself: its {CARD} must name another model")
        try:
            said = json.loads((folder / CARD).read_text(encoding="utf-8"))["model"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{folder} holds an adapter but no {CARD} that names its model: merge it with "
                "peft's merge_and_unload, and give the folder of the whole model"
            ) from error
        found.append((folder, str(said)))
        place = Path(str(said))
    return found


def merged(model: Any, folder: Path) -> Any:
    """The model with an adapter made part of its weights. Raises `UserError` for one that is
    another model's, or not whole."""
    peft = need_peft()
    try:
        with quiet():
            return peft.PeftModel.from_pretrained(
                model, str(folder), use_safetensors=True
            ).merge_and_unload()
    except Exception as error:
        raise UserError(
            f"the adapter in {folder} does not fit its model ({type(error).__name__}): adapt anew"
        ) from error


def name_base(policy: ChatPolicy, found: Pretrained, adapter: str) -> None:
    """Name for peft what the new adapter stands on: the folder of an earlier adapter, or a hub id,
    which means the same on every machine where the folder it was fetched to does not."""
    config = policy.model.peft_config["default"]
    if adapter:
        config.base_model_name_or_path = adapter
    elif "/" in found.name and found.name != found.folder:
        config.base_model_name_or_path = found.name
