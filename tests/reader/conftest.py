"""The same numbers on every machine, and tiny models that are found without their folders."""

import shutil
from pathlib import Path

import jaxtyping
import pytest
import torch

from duotempo.core import UserError
from duotempo.models import pretrained
from tests.models.minds import a_memory
from tests.reader.lives import KINDS, TEXT, a_life, lettered, worded


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


@pytest.fixture
def unchecked():
    """As people run it: no test-time checks of types and shapes that could catch what must be."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", before)


@pytest.fixture(scope="module", params=KINDS)
def saved(request, tmp_path_factory):
    """A folder with a state that has slept, remembers, and was interrupted in a reading."""
    folder = tmp_path_factory.mktemp("saved")
    reader = a_life(request.param, every=96)
    reader.read(TEXT[:1400], name="more")
    reader.read("A tail that waits for sleep. " * 3)
    assert len(reader.awake.pending)
    assert reader.awake.replay

    def dead(*_):
        raise KeyboardInterrupt

    reader.tell = dead
    with pytest.raises(KeyboardInterrupt):
        reader.read(TEXT, name="last")
    assert reader.awake.verdict is not None
    reader.memory = a_memory(reader.body, request.param)
    reader.save(folder)
    reader.close()
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy to do harm to."""
    return Path(shutil.copytree(saved, tmp_path / "s"))
