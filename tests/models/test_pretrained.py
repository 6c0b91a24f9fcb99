"""Laws of loading: frozen, quiet, fingerprinted; one sentence for everything that may be wrong."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import httpx2
import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, LocalEntryNotFoundError, RepositoryNotFoundError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import (
    BertConfig,
    BertForMaskedLM,
    MambaConfig,
    MambaForCausalLM,
    T5Config,
    T5ForConditionalGeneration,
)
from transformers.utils import logging

from duotempo.core import UserError
from duotempo.models.pretrained import Pretrained, best_dtype, fingerprint, load, quiet
from tests.models.tiny import tiny_gpt2, tiny_llama, tiny_tokenizer


@pytest.fixture(params=[tiny_llama, tiny_gpt2])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return request.param(tmp_path / "model")


def edit(folder: Path, **changes: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def test_a_folder_is_loaded_frozen(folder: Path) -> None:
    loaded = load(str(folder), dtype=torch.float32)
    assert not loaded.model.training
    assert not any(p.requires_grad for p in loaded.model.parameters())
    assert {p.dtype for p in loaded.model.parameters()} == {torch.float32}
    assert (loaded.window_limit, loaded.folder) == (256, str(folder))


def test_without_a_dtype_the_machine_chooses(folder: Path) -> None:
    assert load(str(folder)).model.dtype == best_dtype()


@pytest.mark.parametrize("skill", ["avx512_bf16", "amx_bf16"])
def test_bfloat16_is_taken_where_it_is_fast(skill: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {skill: True, "avx2": True})
    assert best_dtype() == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {skill: False, "avx2": True})
    assert best_dtype() == torch.float32


def test_a_relative_folder_keeps_its_name_when_the_caller_moves(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    loaded = load("model")
    monkeypatch.chdir("/")
    assert load(loaded.name).fingerprint == loaded.fingerprint


def test_a_long_text_is_tokenised_without_a_word(
    folder: Path, capfd: pytest.CaptureFixture
) -> None:
    text = "long " * 500
    assert len(load(str(folder)).tokenizer(text).input_ids) == 2500
    assert capfd.readouterr() == ("", "")


def test_a_model_without_a_stated_window_gets_a_safe_one(tmp_path: Path) -> None:
    config = MambaConfig(vocab_size=257, hidden_size=8, state_size=2, num_hidden_layers=1)
    model = MambaForCausalLM(config)
    assert Pretrained("m", model, tiny_tokenizer(), str(tmp_path)).window_limit == 2048


def test_the_same_weights_have_the_same_fingerprint_wherever_they_lie(tmp_path: Path) -> None:
    here, there = (load(str(tiny_llama(tmp_path / place))) for place in ("here", "there"))
    assert here.fingerprint == there.fingerprint == fingerprint(there.model)


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_one_flipped_bit_anywhere_changes_the_fingerprint(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp() / "flip"
    model = load(str(folder if folder.exists() else tiny_llama(folder, layers=2))).model
    before = fingerprint(model)
    weight = data.draw(st.sampled_from(list(model.parameters())))
    raw = weight.data.view(-1).view(torch.uint8)
    place, bit = data.draw(st.integers(0, len(raw) - 1)), data.draw(st.integers(0, 7))
    raw[place] ^= 1 << bit
    assert fingerprint(model) != before
    raw[place] ^= 1 << bit
    assert fingerprint(model) == before


def test_another_config_or_dtype_changes_the_fingerprint(tmp_path: Path) -> None:
    folder = tiny_llama(tmp_path)
    single, half = (load(str(folder), dtype=d).fingerprint for d in (torch.float32, torch.bfloat16))
    edit(folder, rms_norm_eps=0.5)
    assert len({single, half, load(str(folder), dtype=torch.float32).fingerprint}) == 3


def test_loading_says_nothing_and_leaves_the_callers_settings(
    folder: Path, capfd: pytest.CaptureFixture
) -> None:
    logging.enable_progress_bar()
    level = logging.get_verbosity()
    load(str(folder))
    assert capfd.readouterr() == ("", "")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == (level, True)


def no_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def broken_config(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def listed_config(folder: Path) -> None:
    (folder / "config.json").write_text("[1]")


def absurd_config(folder: Path) -> None:
    edit(folder, num_hidden_layers="many")


def other_shape(folder: Path) -> None:
    edit(folder, hidden_size=64, n_embd=64)


def more_layers(folder: Path) -> None:
    edit(folder, num_hidden_layers=5, n_layer=5)


def unheard_of(folder: Path) -> None:
    edit(folder, model_type="unheard_of")


def no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def only_pickled_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def truncated_weights(folder: Path) -> None:
    path = folder / "model.safetensors"
    os.truncate(path, path.stat().st_size // 2)


def empty_weights(folder: Path) -> None:
    os.truncate(folder / "model.safetensors", 0)


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"version": "1.0"}')


def encoder(folder: Path) -> None:
    config = BertConfig(vocab_size=257, hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
    BertForMaskedLM(config).save_pretrained(folder)


def translator(folder: Path) -> None:
    config = T5Config(vocab_size=257, d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    T5ForConditionalGeneration(config).save_pretrained(folder)


@pytest.mark.parametrize(
    ("harm", "mend"),
    [
        (no_config, "config.json"),
        (broken_config, "give one that transformers knows"),
        (listed_config, "give one that transformers knows"),
        (absurd_config, "give one that transformers knows"),
        (other_shape, "first "),
        (more_layers, "are missing"),
        (unheard_of, "give one that transformers knows"),
        (no_weights, "weights as safetensors"),
        (only_pickled_weights, "weights as safetensors"),
        (truncated_weights, "fetch"),
        (empty_weights, "fetch"),
        (no_tokenizer, "tokenizer.json"),
        (broken_tokenizer, "tokenizer.json"),
        (encoder, "ForCausalLM"),
        (translator, "causal language model"),
    ],
)
def test_a_folder_that_is_no_model_gets_one_sentence_with_the_mend(
    harm: Callable[[Path], None], mend: str, folder: Path, capfd: pytest.CaptureFixture
) -> None:
    with quiet():
        harm(folder)
    capfd.readouterr()
    with pytest.raises(UserError) as error:
        load(str(folder))
    sentence = str(error.value)
    assert mend in sentence
    assert str(folder) in sentence
    assert "\n" not in sentence
    assert capfd.readouterr() == ("", "")


def test_code_that_comes_with_a_model_is_never_run(folder: Path) -> None:
    edit(
        folder, model_type="strange", auto_map={"AutoConfig": "m.C", "AutoModelForCausalLM": "m.M"}
    )
    trap = folder / "ran"
    (folder / "m.py").write_text(f"open({str(trap)!r}, 'w')\nclass C: pass\nclass M: pass\n")
    with pytest.raises(UserError):
        load(str(folder))
    assert not trap.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.text(max_size=30) | st.text("ab/.~-_", max_size=300))
def test_a_name_that_leads_nowhere_gets_a_sentence(name: str, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(UserError):
        load(name)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=r"smollm2, a folder .*, or a hub id like org/name"):
        load("smolm2")


def unreachable(*args: object, **options: object) -> str:
    raise LocalEntryNotFoundError("no route to host")


def absent(*args: object, **options: object) -> str:
    raise RepositoryNotFoundError("404", response=httpx2.Response(404, request=REQUEST))


def gated(*args: object, **options: object) -> str:
    raise GatedRepoError("403", response=httpx2.Response(403, request=REQUEST))


def cut_off(*args: object, **options: object) -> str:
    raise httpx2.ReadTimeout("timed out")


REQUEST = httpx2.Request("GET", "https://example.org")


@pytest.mark.parametrize(
    ("failure", "mend"),
    [
        (unreachable, "give a local folder"),
        (cut_off, "give a local folder"),
        (absent, "check the spelling"),
        (gated, "accept its terms"),
    ],
)
def test_a_hub_that_fails_gets_a_sentence(
    failure: Callable[..., str], mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(huggingface_hub, "snapshot_download", failure)
    with pytest.raises(UserError, match=mend):
        load("org/name")


def test_a_hub_model_is_fetched_as_data_only(folder: Path, monkeypatch) -> None:
    wanted = {}

    def download(name: str, **options: list[str]) -> str:
        wanted.update(options, name=name)
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    loaded = load("org/name")
    assert (loaded.name, wanted["name"], loaded.folder) == ("org/name", "org/name", str(folder))
    assert not any(p.endswith((".py", ".bin", ".pt", "*")) for p in wanted["allow_patterns"])
