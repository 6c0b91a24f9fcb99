"""Laws of a saved stream: what comes back is what went, of this model, or one sentence."""

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves, tree_map

from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.saved import save_model
from duotempo.models.stream_files import load_state, load_stream, save_state
from tests.models.native import KINDS
from tests.models.sealed import after, byte_model, saved_stream, some_bytes, tensor_file

ROOT = Path(__file__).parents[2]
each_kind = pytest.mark.parametrize("kind", KINDS)
ELSEWHERE = """
import json, sys
import torch
from pathlib import Path
from duotempo.models.saved import load_model
from duotempo.models.stream_files import load_state
torch.use_deterministic_algorithms(True)
said = []
for kind in sys.argv[1:]:
    model = load_model(Path(kind) / "model")
    with torch.no_grad():
        said.append(model(torch.arange(30)[None], load_state(Path(kind) / "s", model))[0].tolist())
print(json.dumps(said))
"""


def same(one, two) -> bool:
    pairs = list(zip(tree_leaves(one), tree_leaves(two), strict=True))
    return all(a.dtype == b.dtype and torch.equal(a, b) for a, b in pairs)


@each_kind
def test_a_state_comes_back_bit_for_bit_and_goes_on_alike(kind, tmp_path):
    model = byte_model(kind)
    for time in (0, 1, 8, 41):
        state = after(model, some_bytes(time, batch=2)) if time else model.init(2)
        save_state(tmp_path, state, model)
        loaded = load_state(tmp_path, model)
        assert same(loaded, state)
        assert same(*(after(model, some_bytes(20, 2, seed=1), s) for s in (loaded, state)))


@each_kind
def test_a_state_whose_rows_or_parts_share_their_storage_is_saved_as_any(kind, tmp_path):
    model = byte_model(kind)
    state = after(model, some_bytes(13, batch=3))
    one_for_all = tree_map(lambda part: part[:1].expand(3, *part.shape[1:]), state)
    wide = tree_map(lambda part: torch.stack([part, part], -1)[..., 0], state)
    for shared in (one_for_all, wide, tree_map(lambda part: part[1:2], state)):
        save_state(tmp_path, shared, model)
        assert same(load_state(tmp_path, model), shared)


@settings(deadline=None, max_examples=15)
@given(kind=st.sampled_from(sorted(KINDS)), a=st.integers(0, 40), b=st.integers(1, 40))
def test_reading_on_after_a_save_is_reading_on(kind, a, b, tmp_path_factory):
    folder, model = tmp_path_factory.mktemp("s"), byte_model(kind, dtype=torch.float64)
    whole = after(model, some_bytes(a + b))
    state = after(model, some_bytes(a + b)[:, :a]) if a else model.init(1)
    save_state(folder, state, model)
    later = after(model, some_bytes(a + b)[:, a:], load_state(folder, model))
    pairs = zip(tree_leaves(later), tree_leaves(whole), strict=True)
    assert all((x.double() - y.double()).abs().max() <= 1e-12 for x, y in pairs if x.numel())


def test_in_another_process_it_goes_on_the_same(tmp_path):
    kinds, said = ("mag", "mac", "lmm, by chunk", "transformer"), []
    for kind in kinds:
        model = byte_model(kind)
        save_model(tmp_path / kind / "model", model)
        state = after(model, some_bytes(41))
        save_state(tmp_path / kind / "s", state, model)
        with torch.no_grad():
            said.append(model(torch.arange(30)[None], state)[0].tolist())
    code = [sys.executable, "-c", ELSEWHERE, *(str(tmp_path / kind) for kind in kinds)]
    done = subprocess.run(code, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == said


def test_what_goes_along_comes_back(saved):
    folder, model, _ = saved
    stored = load_stream(folder, model)
    assert stored.ahead is not None
    assert torch.equal(stored.ahead, torch.ones(1, 256))
    assert stored.about == {"model": "x"}


def test_a_file_holds_the_state_and_little_else(saved):
    folder, _, state = saved
    assert tensor_file(folder).stat().st_size < state.bytes + 256 * 4 + 5000
    assert sorted(path.name[:6] for path in folder.iterdir()) == ["state.", "stream"]


@pytest.fixture
def saved(tmp_path):
    """A folder with a state in it, its model, and the state."""
    return saved_stream(tmp_path / "s")


def others():
    """Models that are not the one that made the state, and what the sentence must name."""
    own = replace(KINDS["mag, deep"], vocab=256)
    yield "fingerprint", byte_model("mag, deep", seed=1)
    yield "dtype", byte_model("mag, deep", dtype=torch.bfloat16)
    yield "chunk", Decoder(replace(own, memory=replace(own.memory, chunk=16)))
    yield "segment", Decoder(replace(own, segment=8))
    yield "window", Decoder(replace(own, window=9))
    yield "rule", byte_model("mag")
    yield "config", Decoder(replace(own, ff=17))


def test_another_model_is_refused_and_the_difference_named(saved):
    for name, model in others():
        with pytest.raises(UserError, match=f"with {name}=.* or read the text again"):
            load_state(saved[0], model)


def spoiled(state):
    return tree_map(lambda x: x / 0 if x.is_floating_point() else x, state)


@pytest.mark.parametrize("what", ["not finite", "other model", "other dtype"])
def test_what_is_no_state_of_the_model_is_not_saved_and_the_old_one_stays(saved, what):
    folder, model, state = saved
    wrong = {
        "not finite": spoiled(state),
        "other model": after(byte_model("lmm"), some_bytes(3)),
        "other dtype": tree_map(lambda x: x.double() if x.is_floating_point() else x, state),
    }[what]
    with pytest.raises(UserError, match="cannot be saved"):
        save_state(folder, wrong, model)
    assert same(load_state(folder, model), state)


@pytest.mark.parametrize("size", [200, 3000])
def test_a_full_disk_leaves_the_old_state(saved, size):
    folder, model, state = saved
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with pytest.raises(UserError, match="free some space"):
            save_state(folder, after(model, some_bytes(9)), model)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert same(load_state(folder, model), state)


@pytest.mark.parametrize("step", [0, 1])
def test_a_disk_that_fills_up_at_a_rename_leaves_the_old_state(saved, step, monkeypatch):
    folder, model, state = saved
    left, move = [step], os.replace

    def full(source, target):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        move(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(UserError, match="free some space"):
            save_state(folder, after(model, some_bytes(9)), model)
    assert same(load_state(folder, model), state)
    save_state(folder, after(model, some_bytes(9)), model)
    assert len(list(folder.iterdir())) == 2


def test_the_state_of_another_kind_of_reader_is_not_written_over(saved, tmp_path):
    folder, model, state = saved
    twin = Path(shutil.copytree(folder, tmp_path / "twin"))
    (twin / "state.json").write_text(json.dumps({"format": 1, "files": {}}))  # as older ones were
    with pytest.raises(UserError, match="not that of a state of the kind 'native'"):
        save_state(twin, state, model)
    with pytest.raises(UserError, match="not that of a state of the kind 'native'"):
        load_state(twin, model)


def test_what_is_no_folder_of_a_state_is_named_so(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(UserError, match="is not a saved state"):
            load_state(path, byte_model("mag"))
