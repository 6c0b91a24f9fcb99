"""A subject by name: a native model's folder, or anything that transformers knows."""

from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerBase

from duotempo.core import Tell, silent
from duotempo.flow.facts import Encode
from duotempo.flow.huggingface import encoder, opened
from duotempo.flow.made import Made
from duotempo.flow.native import Native
from duotempo.flow.subject import Subject
from duotempo.flow.trail import Word
from duotempo.models import pretrained
from duotempo.models.latent_saved import load_native
from duotempo.models.native_folder import native_folder

SPACE = "\N{LOWER ONE EIGHTH BLOCK}"
"""How SentencePiece writes a space."""


@dataclass(frozen=True)
class Opened:
    """A subject, how text becomes its tokens, its name, what a token says, and how many sentences
    stand between the far and the near facts of documents that are made for it."""

    subject: Subject
    encode: Encode
    name: str
    word: Word
    between: int = Made.between


def open_subject(name: str, tell: Tell = silent) -> Opened:
    """Open a model of bytes (`needle`, a native model's folder or a run's), a known name, a folder
    or a hub id; in float32, because sums and bounds are checked. Raises `UserError`."""
    folder = native_folder(name)
    if folder is None:
        known = pretrained.load(name, dtype=torch.float32, tell=tell)
        return Opened(opened(known), encoder(known.tokenizer), known.name, spelled(known.tokenizer))
    tell(f"loading {name}", 0, 1)
    model = load_native(folder).float().requires_grad_(False)
    return Opened(Native(model), lambda text: list(text.encode()), name, byte)


def spelled(tokenizer: PreTrainedTokenizerBase) -> Word:
    """What a tokenizer makes of one token, with the space before it, which SentencePiece drops of
    what it is asked to decode first."""

    def word(token: int) -> str:
        text = "".join(tokenizer.decode([token], clean_up_tokenization_spaces=False))
        piece = tokenizer.convert_ids_to_tokens(token)
        spaced = isinstance(piece, str) and piece.startswith(SPACE) and not text.startswith(" ")
        return f" {text}" if spaced else text

    return word


def byte(token: int) -> str:
    """A byte as the letter it is, if it is one; otherwise its number in angle brackets."""
    return chr(token) if token < 128 else f"<{token}>"
