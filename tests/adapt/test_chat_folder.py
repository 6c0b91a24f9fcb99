"""Laws of going on with an adapted chat model: its adapter joins its weights, a new one begins."""

import json
from pathlib import Path

import pytest
import torch

from duotempo.adapt.chat_folder import CARD, adapters, loaded
from duotempo.core import UserError
from tests.adapt.chats import asked
from tests.adapt.test_chat import moved, tiny_llama

pytest.importorskip("peft")
OPTIONS = {"rank": 2, "longest": 4}


def row_of(policy):
    """Logits of a few tokens."""
    with torch.no_grad():
        return policy.model(torch.arange(5)[None]).logits


def test_an_adapted_model_is_gone_on_with(tmp_path):
    first = moved(loaded(str(tiny_llama(tmp_path / "base")), **OPTIONS))
    first.saved(tmp_path / "one" / "model")
    second = loaded(str(tmp_path / "one"), **OPTIONS)
    assert torch.allclose(row_of(second), row_of(first), atol=1e-5)
    rollouts = second.sample(asked("-"), 1.0, 0)
    assert torch.allclose(second.logits(rollouts), second.reference(rollouts), atol=1e-5)
    moved(second).saved(tmp_path / "two" / "model")
    third = loaded(str(tmp_path / "two" / "model"), **OPTIONS)
    assert torch.allclose(row_of(third), row_of(second), atol=1e-5)
    chain = adapters(tmp_path / "two")
    assert [folder.parent.name for folder, _ in chain] == ["two", "one"]
    assert Path(chain[-1][1]).name == "base"


def test_a_run_of_all_weights_is_gone_on_with(tmp_path):
    first = moved(loaded(str(tiny_llama(tmp_path / "base")), rank=None, longest=4))
    first.saved(tmp_path / "run" / "model")
    assert torch.allclose(
        row_of(loaded(str(tmp_path / "run"), **OPTIONS)), row_of(first), atol=1e-5
    )


def test_an_adapter_without_its_card_or_on_itself_says_so(tmp_path):
    folder = loaded(str(tiny_llama(tmp_path / "base")), **OPTIONS).saved(tmp_path / "one")
    (folder / CARD).write_text(json.dumps({"model": str(folder)}), encoding="utf-8")
    with pytest.raises(UserError, match="stands on itself"):
        loaded(str(folder), **OPTIONS)
    (folder / CARD).unlink()
    with pytest.raises(UserError, match="merge_and_unload"):
        loaded(str(folder), **OPTIONS)


def test_an_adapter_that_is_not_whole_says_so(tmp_path):
    folder = loaded(str(tiny_llama(tmp_path / "base")), **OPTIONS).saved(tmp_path / "one")
    (folder / "adapter_model.safetensors").write_bytes(b"no tensors")
    with pytest.raises(UserError, match="does not fit its model"):
        loaded(str(folder), **OPTIONS)
