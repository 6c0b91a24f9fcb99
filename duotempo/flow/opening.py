"""A subject by name: a native model's folder, or anything that transformers knows."""

from dataclasses import dataclass

import torch

from duotempo.core import Tell, silent
from duotempo.flow.facts import Encode
from duotempo.flow.huggingface import encoder, opened
from duotempo.flow.made import Made
from duotempo.flow.native import Native
from duotempo.flow.subject import Subject
from duotempo.models import pretrained
from duotempo.models.latent_saved import load_native
from duotempo.models.native_folder import native_folder


@dataclass(frozen=True)
class Opened:
    """A subject, how text becomes its tokens, its name, and how many sentences stand between the
    far and the near facts of documents that are made for it."""

    subject: Subject
    encode: Encode
    name: str
    between: int = Made.between


def open_subject(name: str, tell: Tell = silent) -> Opened:
    """Open a model of bytes (`needle`, a native model's folder or a run's), a known name, a folder
    or a hub id; in float32, because sums and bounds are checked. Raises `UserError`."""
    folder = native_folder(name)
    if folder is None:
        known = pretrained.load(name, dtype=torch.float32, tell=tell)
        return Opened(opened(known), encoder(known.tokenizer), known.name)
    tell(f"loading {name}", 0, 1)
    model = load_native(folder).float().requires_grad_(False)
    return Opened(Native(model), lambda text: list(text.encode()), name)
