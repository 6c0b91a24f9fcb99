"""A model's folder: whole or not there, read by us and by Hugging Face, never believed blindly."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from duotempo.core import UserError
from duotempo.models import saved
from duotempo.models.config import Config
from duotempo.models.decoder import Decoder
from duotempo.models.hf import DuotempoForCausalLM
from duotempo.models.saved import load_model, save_model
from tests.models.native import KINDS, native

TOKENS = torch.arange(26).view(2, 13) % 19
SMALL = replace(KINDS["mag"], vocab=256)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@torch.no_grad()
def test_a_model_comes_back_bit_for_bit(kind, dtype, tmp_path):
    bare = native(kind, dtype=dtype)
    before = torch.get_rng_state()
    save_model(tmp_path / "model", bare)
    again = load_model(tmp_path / "model")
    assert torch.equal(torch.get_rng_state(), before)
    assert again.config == bare.config
    assert not again.training
    want = bare(TOKENS)[0]
    assert torch.equal(again(TOKENS)[0], want)
    theirs = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    same = zip(theirs.model.parameters(), bare.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in same)
    # where the weights lie in memory can move a product by a bit
    torch.testing.assert_close(theirs(TOKENS).logits, want)
    theirs.save_pretrained(tmp_path / "theirs")
    assert torch.equal(load_model(tmp_path / "theirs")(TOKENS)[0], want)


@torch.no_grad()
def test_weights_that_lie_in_one_storage_or_with_gaps_are_saved_as_any(tmp_path):
    bare, want = native("mag"), native("mag")(TOKENS)[0]
    weights = list(bare.parameters())
    flat = torch.cat([weight.reshape(-1) for weight in weights])
    for weight, part in zip(weights, flat.split([w.numel() for w in weights]), strict=True):
        weight.data = part.view_as(weight)
    bare.embedding.weight.data = bare.embedding.weight.data.T.contiguous().T
    save_model(tmp_path / "model", bare)
    assert torch.equal(load_model(tmp_path / "model")(TOKENS)[0], want)


def test_a_loaded_model_can_learn(tmp_path):
    save_model(tmp_path / "model", native("mag"))
    model = load_model(tmp_path / "model").train()
    model(TOKENS)[0].sum().backward()
    assert all(weight.grad is not None for weight in model.parameters())


def test_a_model_of_bytes_brings_its_tokenizer(tmp_path):
    save_model(tmp_path / "model", Decoder(SMALL))
    policies = {saved.SLEEP, saved.THINKING}
    assert {path.name for path in (tmp_path / "model").iterdir()} == saved.FILES - policies
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "model")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "model")
    text = tokenizer(["Emma", "I"], padding=True, return_tensors="pt")
    assert model.generate(**text, max_new_tokens=5).shape[0] == 2
    save_model(tmp_path / "other", native("mag"))
    assert not (tmp_path / "other" / "tokenizer.json").exists()


@torch.no_grad()
def test_a_new_model_takes_the_place_of_an_old_one(tmp_path):
    place = tmp_path / "model"
    (tmp_path / ".saving-model").mkdir()  # by a kill
    save_model(place, Decoder(SMALL))
    save_model(place, native("mal"))
    assert torch.equal(load_model(place)(TOKENS)[0], native("mal")(TOKENS)[0])
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not (place / "tokenizer.json").exists()


@pytest.mark.parametrize("call", ["save_pretrained", "replace"])
def test_what_fails_half_way_leaves_the_old_model(call, tmp_path, monkeypatch):
    place = tmp_path / "model"
    save_model(place, native("mag"))
    before = {path.name: path.read_bytes() for path in place.iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    target = DuotempoForCausalLM if call == "save_pretrained" else os
    monkeypatch.setattr(target, call, full)
    with pytest.raises(UserError, match="free some space"):
        save_model(place, native("mal"))
    monkeypatch.undo()
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_nothing_but_a_model_is_replaced(tmp_path):
    (tmp_path / "novel.txt").write_text("It was a dark and stormy night")
    with pytest.raises(UserError, match=r"holds novel.txt"):
        save_model(tmp_path, native("mag"))
    with pytest.raises(UserError, match="is a file"):
        save_model(tmp_path / "novel.txt", native("mag"))
    other = tmp_path / "other"
    other.mkdir()
    (other / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(UserError, match="of another kind"):
        save_model(other, native("mag"))
    (other / "config.json").unlink()
    save_model(other, native("mag"))
    with pytest.raises(UserError, match="could not save"):
        save_model(tmp_path / "novel.txt" / "model", native("mag"))


def rewrite(place: Path, **changes) -> None:
    """Change values of the native part of a config."""
    facts = json.loads((place / "config.json").read_text())
    facts["native"] |= changes
    (place / "config.json").write_text(json.dumps(facts))


def reweigh(place: Path, **changes) -> None:
    """Add, change or (None) remove tensors of a model."""
    tensors = load_file(place / "model.safetensors")
    tensors |= {name.replace("__", "."): value for name, value in changes.items()}
    kept = {name: value for name, value in tensors.items() if value is not None}
    save_file(kept, place / "model.safetensors")


def cut(place: Path) -> None:
    data = (place / "model.safetensors").read_bytes()
    (place / "model.safetensors").write_bytes(data[:-100])


def pickled(place: Path) -> None:
    """A pickle where the weights should be: it must not be opened as one."""
    bomb = f"cos\nmkdir\n(V{place / 'opened'}\ntR.".encode()
    (place / "model.safetensors").write_bytes(bomb)
    (place / "pytorch_model.bin").write_bytes(bomb)


def text(content: str):
    return lambda place: (place / "config.json").write_text(content)


def native_text(content: str):
    return text(f'{{"model_type": "duotempo", "native": {content}}}')


BAD = {
    "no config": (lambda p: (p / "config.json").unlink(), "has no config.json"),
    "config is a folder": (
        lambda p: [(p / "config.json").unlink(), (p / "config.json").mkdir()],
        "has no config.json",
    ),
    "no JSON": (text("{"), "is not JSON"),
    "no text": (lambda p: (p / "config.json").write_bytes(b"\xff\xfe{"), "is not JSON"),
    "deep JSON": (text("[" * 100_000), "is not JSON"),
    "long JSON": (text(" " * 1_000_001), "far longer"),
    "a list": (text("[]"), "of another kind"),
    "another model": (text('{"model_type": "llama"}'), "of another kind"),
    "no native part": (text('{"model_type": "duotempo"}'), "does not describe"),
    "native is null": (native_text("null"), "does not describe"),
    "native is a list": (native_text("[1]"), "does not describe"),
    "unknown part": (lambda p: rewrite(p, wings=2), "names wings"),
    "unknown memory part": (lambda p: rewrite(p, memory={"wings": 2}), "wings"),
    "wrong kind": (lambda p: rewrite(p, width="twelve"), "describes no model"),
    "memory a number": (lambda p: rewrite(p, memory=3), "describes no model"),
    "layout a number": (lambda p: rewrite(p, layout=3), "describes no model"),
    "unknown block": (lambda p: rewrite(p, layout=["rnn"]), "name blocks among"),
    "half a head": (lambda p: rewrite(p, width=12.0), "describes no model"),
    "a giant": (lambda p: rewrite(p, width=2**20, heads=1), "does not fit"),
    "a universe": (lambda p: rewrite(p, width=2**60, heads=1), "no model that can be built"),
    "a tower": (lambda p: rewrite(p, layout=["mag"] * 50_000), "more blocks"),
    "other sizes": (lambda p: rewrite(p, ff=20), "first at blocks.0.mlp.down.weight"),
    "no weights": (lambda p: (p / "model.safetensors").unlink(), "is missing"),
    "cut weights": (cut, "truncated"),
    "empty weights": (lambda p: (p / "model.safetensors").write_bytes(b""), "truncated"),
    "pickled weights": (pickled, "is not safetensors"),
    "a weight less": (lambda p: reweigh(p, model__norm__weight=None), "first at norm.weight"),
    "a weight more": (lambda p: reweigh(p, model__z=torch.ones(1)), "first at z"),
    "whole numbers": (
        lambda p: reweigh(p, model__norm__weight=torch.ones(12, dtype=torch.int64)),
        "first at norm.weight",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_folder_is_one_sentence(what, tmp_path):
    damage, says = BAD[what]
    save_model(tmp_path / "model", native("mag"))
    damage(tmp_path / "model")
    with pytest.raises(UserError, match=says) as error:
        load_model(tmp_path / "model")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "model" / "opened").exists()


def test_no_folder_is_one_sentence_too(tmp_path):
    with pytest.raises(UserError, match=r"has no config.json"):
        load_model(tmp_path / "nowhere")


def test_code_beside_a_model_is_not_run(tmp_path):
    place = tmp_path / "model"
    save_model(place, native("mag"))
    facts = json.loads((place / "config.json").read_text())
    facts["auto_map"] = {"AutoModelForCausalLM": "evil.Evil"}
    (place / "config.json").write_text(json.dumps(facts))
    (place / "evil.py").write_text("raise SystemExit('run')")
    assert load_model(place).config == KINDS["mag"]


def test_the_default_config_is_saved_in_full(tmp_path):
    """A later version may have other defaults: what was saved must not change its meaning."""
    save_model(tmp_path / "model", Decoder(Config(width=8, heads=2, ff=8)))
    facts = json.loads((tmp_path / "model" / "config.json").read_text())
    assert facts["native"] == Config(width=8, heads=2, ff=8).to_dict()
