"""Readers of small native models, and what it means that two have lived the same."""

from pathlib import Path

import pytest
import torch
from torch.utils._pytree import tree_leaves

from duotempo.models.saved import save_model
from duotempo.reader.native import NativeReader
from tests.models.sealed import byte_model

TEXT = "Ann has a dog. The dog is called Rex. It rained all day, naïve 雪 🐈, and so on.\n" * 70
"""Longer than two pieces."""


def put_model(folder: Path, kind: str = "mag", dtype: torch.dtype = torch.float32) -> Path:
    """A saved model."""
    save_model(folder, byte_model(kind, dtype=dtype))
    return folder


def tensors_of(reader: NativeReader) -> list[torch.Tensor]:
    """Every tensor that a reader lives with, and the logits of what comes next."""
    heard = reader._channel.ready(reader._life.heard)
    leaves = [leaf for leaf in tree_leaves(heard.state) if isinstance(leaf, torch.Tensor)]
    return [*leaves, *([] if heard.ahead is None else [heard.ahead])]


def gap(one: NativeReader, two: NativeReader) -> float:
    """The largest difference between two lives."""
    pairs = list(zip(tensors_of(one), tensors_of(two), strict=True))
    return max((a.double() - b.double()).abs().max().item() for a, b in pairs if a.numel())


def same(one: NativeReader, two: NativeReader) -> bool:
    """Whether both lives are the same, bit for bit."""
    alike = one._life.unfinished == two._life.unfinished and one.tokens_read == two.tokens_read
    pairs = list(zip(tensors_of(one), tensors_of(two), strict=True))
    return alike and all(torch.equal(a, b) for a, b in pairs)


class Stop(KeyboardInterrupt):
    """An interrupt of these tests."""


def interrupted(reader, source, pieces, name=None):
    """Read so many pieces, then be interrupted."""
    left = [pieces]

    def tell(what, done, total):
        left[0] -= 1
        if not left[0]:
            raise Stop

    reader.tell = tell
    with pytest.raises(Stop):
        reader.read(source, name=name)
    reader.tell = lambda *_: None
