"""The same numbers on every machine, and tiny models that are found without their folders."""

import pytest
import torch

from duotempo.core import UserError
from duotempo.models import pretrained
from tests.reader.lives import lettered, worded


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are found by name without their folders, and no other one is looked for."""

    def load(name: str, **_: object) -> pretrained.Pretrained:
        for model in (worded(), lettered("llama"), lettered("gpt2")):
            if name == model.name:
                return model
        raise UserError(f"model {name!r} is unknown")

    monkeypatch.setattr(pretrained, "load", load)


@pytest.fixture(autouse=True)
def fine_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers on every machine."""
    monkeypatch.setattr(pretrained, "best_dtype", lambda: torch.float32)
