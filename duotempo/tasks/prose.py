"""Prose byte by byte: random stretches of any text, with a part of it kept for testing."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import torch
from jaxtyping import UInt8
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch
from duotempo.tasks.seeds import seeded
from duotempo.tasks.text import STDIN, Text, default_text, load

FOLDER = "DUOTEMPO_TEXTS"
"""Names the folder in which a text given by its name is looked up, as NAME.txt or NAME.txt.gz."""

TRAIN_NOVELS = ("pride-and-prejudice", "mansfield-park")
HELD_OUT_NOVELS = ("emma", "sense-and-sensibility")
SPLITS = ("train", "held-out", "whole")
GAP = b"\n\n"

Source = str | tuple[str, ...] | None
"""A file, a folder or a name; several, as a tuple or joined by `os.pathsep`; None: the default."""

HeldOut = float | str | tuple[str, ...]
"""What is kept for testing: a share of the source, at its end, or another source."""


@dataclass(frozen=True)
class Prose:
    """Random stretches of a text, as bytes: read on, every byte counts, nothing is asked.

    `rows` stretches of `length` bytes a batch, from the `split` that is to be read: `train`,
    `held-out` or `whole`. Chance is one byte of 256.
    """

    source: Source = None
    length: int = 512
    rows: int = 8
    split: str = "train"
    held_out: HeldOut = 0.1
    vocabulary: ClassVar[int] = 256

    def __post_init__(self) -> None:
        check_split(self.split, self.held_out)
        if self.length < 1 or self.rows < 1:
            raise UserError(f"length={self.length}, rows={self.rows}: both must be at least 1")

    @property
    def chance(self) -> float:
        """One byte of all."""
        return 1 / self.vocabulary

    def batch(self, seed: int, index: int) -> Batch:
        """The stretches of this number; raises `UserError` for a text shorter than they are."""
        text = corpus(self.source, self.split, self.held_out)
        starts = [
            seeded(seed, index, row).randrange(room(text, self.length + 1))
            for row in range(self.rows)
        ]
        whole = torch.stack([text[at : at + self.length + 1] for at in starts]).long()
        tokens, targets = whole[:, :-1].contiguous(), whole[:, 1:].contiguous()
        return Batch(
            tokens, targets, torch.ones(tokens.shape), torch.zeros(tokens.shape, dtype=torch.bool)
        )

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1


def corpus(
    source: Source = None, split: str = "train", held_out: HeldOut = 0.1
) -> UInt8[Tensor, " bytes"]:
    """The bytes (UTF-8) of a split of a source; do not write into them, they are shared.

    A share is held out at the end, from the beginning of a paragraph on; a source held out leaves
    the whole of the other to `train`. Raises `UserError` for what cannot be found or read.
    """
    check_split(split, held_out)
    if isinstance(held_out, int | float):
        return _split(_places(source), split, held_out)
    return _split(_places(held_out if split == "held-out" else source), "whole", 0.0)


def texts(source: Source = None) -> tuple[Text, ...]:
    """The texts that a source is made of, each with its name and sha256."""
    return tuple(default_text() if place is None else load(place) for place in _places(source))


def check_split(split: str, held_out: HeldOut) -> None:
    """Raise `UserError` for a split that there is not, or a share that leaves nothing."""
    if split not in SPLITS:
        raise UserError(f"there is no split {split!r}: use one of {', '.join(SPLITS)}")
    if isinstance(held_out, int | float):
        if not 0 < held_out < 1:
            raise UserError(
                f"held_out={held_out}: the share must lie between 0 and 1; split='whole' reads all"
            )
    elif split == "whole":
        raise UserError("split='whole' goes with a share: name the source whose whole you want")


def room(text: UInt8[Tensor, " bytes"], length: int) -> int:
    """How many stretches of a length begin in a text; raises `UserError` when none does."""
    if len(text) < length:
        raise UserError(
            f"the text has {len(text)} bytes, a stretch {length}: take a longer text or a "
            "shorter length"
        )
    return len(text) - length + 1


@lru_cache(maxsize=16)
def _split(places: tuple[Path | None, ...], split: str, share: float) -> UInt8[Tensor, " bytes"]:
    whole = _bytes(places)
    cut = len(whole) - round(len(whole) * share)
    found = whole.find(GAP, cut, cut + (len(whole) - cut) // 4)
    cut = cut if found < 0 else found + len(GAP)
    part = {"train": whole[:cut], "held-out": whole[cut:], "whole": whole}[split]
    if not part:
        raise UserError(f"the split {split!r} holds nothing: take a longer text or another share")
    return torch.frombuffer(bytearray(part), dtype=torch.uint8)


@lru_cache(maxsize=16)
def _bytes(places: tuple[Path | None, ...]) -> bytes:
    found = [default_text() if place is None else load(place) for place in places]
    return GAP.join(each.text.encode() for each in found)


def _places(source: Source) -> tuple[Path | None, ...]:
    """Where the parts of a source lie, the default text as None."""
    if source is None:
        return (None,)
    names = source.split(os.pathsep) if isinstance(source, str) else source
    if not names or not all(names):
        raise UserError(f"source={source!r} names no text: give a file, a folder or a name")
    return tuple(_place(name) for name in names)


def _place(name: str) -> Path:
    if name == STDIN:
        raise UserError("standard input can be read only once: give the task a file or a folder")
    folder = os.environ.get(FOLDER)
    looked = [Path(name)]
    if folder:
        looked += [Path(folder) / f"{name}{ending}" for ending in (".txt", ".txt.gz")]
    for path in looked:
        if path.exists():
            return path.resolve()
    raise UserError(
        f"there is no file or folder '{name}': check the path, or set {FOLDER} to the folder "
        f"that holds {name}.txt (or .gz)"
    )
