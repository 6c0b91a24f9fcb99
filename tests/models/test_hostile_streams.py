"""Laws of a stranger's stream: a state loads whole or is refused with one sentence."""

import json

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.stream_files import load_state, save_state
from tests.models.sealed import (
    after,
    byte_model,
    facts_of,
    reseal,
    saved_stream,
    seal,
    some_bytes,
    tensor_file,
)


@pytest.fixture
def saved(tmp_path):
    """A folder with a state in it, its model, and the state."""
    return saved_stream(tmp_path / "s")


def test_a_truncated_or_changed_file_is_refused(saved):
    folder, model, _ = saved
    for path in (tensor_file(folder), folder / "state.json"):
        whole = path.read_bytes()
        for size in (0, 1, 8, 100, len(whole) // 2, len(whole) - 1):
            path.write_bytes(whole[:size])
            with pytest.raises(UserError, match="read the text again"):
                load_state(folder, model)
        path.write_bytes(whole)
    path = tensor_file(folder)
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    with pytest.raises(UserError, match="truncated or was changed"):
        load_state(folder, model)


def set_first(name, value):
    def change(tensors):
        tensors[name].view(-1)[0] = value

    return change


VALID, COUNT = ".blocks[0].parts[0].valid", ".blocks[1].parts[1].rule.count"
KEYS = ".blocks[0].parts[0].keys"
HARMS = {
    "is missing": lambda t: t.pop(KEYS),
    "not one of this model's": lambda t: t.update({"more\nlines" * 50: torch.ones(1)}),
    "of shape": lambda t: t.update({KEYS: t[KEYS][..., :-1].contiguous()}),
    "is float64": lambda t: t.update({KEYS: t[KEYS].double()}),
    "of shape [1, 2, 6": lambda t: t.update({KEYS: t[KEYS].long()}),
    "are not finite": set_first(KEYS, float("nan")),
    "not finite": set_first(".blocks[1].parts[1].rule.memory[0]", float("inf")),
    "counts tokens": set_first(COUNT, 8),
    "that no chunk has": set_first(COUNT, -1),
    "contradict": set_first(".position", 14),
}


@pytest.mark.parametrize("said", HARMS)
def test_tensors_that_are_no_state_are_refused_whatever_their_name_says(saved, said):
    folder, model, _ = saved
    reseal(folder, HARMS[said])
    with pytest.raises(UserError, match=r"read the text again") as caught:
        load_state(folder, model)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_a_truth_value_of_seven_is_refused(saved):
    folder, model, _ = saved
    reseal(folder, lambda t: t.update({VALID: torch.ones(1, 6, dtype=torch.bool)}))
    whole = tensor_file(folder).read_bytes()
    at = whole.index(b"\x01" * 6, 8 + int.from_bytes(whole[:8], "little"))
    seal(folder, whole[:at] + b"\x07" + whole[at + 1 :])
    with pytest.raises(UserError, match="neither true nor false"):
        load_state(folder, model)


def test_headers_and_files_of_any_size_are_refused_early(saved):
    folder, model, _ = saved
    seal(folder, b"\xff" * 8 + b"{}")
    with pytest.raises(UserError, match="not safetensors"):
        load_state(folder, model)
    seal(folder, b"\0" * (3 << 20))
    with pytest.raises(UserError, match="larger than this model's"):
        load_state(folder, model)
    (folder / "state.json").write_bytes(b" " * (17 << 20))
    with pytest.raises(UserError, match="too long"):
        load_state(folder, model)


@pytest.mark.parametrize(
    "facts",
    [
        {"position": []}, {"position": [-1]}, {"position": [True]}, {"position": [2**70]},
        {"position": [13.0]}, {"position": 13}, {"position": [13, 13]}, {"position": [13] * 70_000},
        {"tensors": None}, {"tensors": []}, {"tensors": {}}, {"model": None}, {"model": {}},
        {"model": {"rule": "x" * 5000}}, {"kind": "attached"}, {"kind": ["native"]}, {"format": 2},
        {"files": {"tensors": "../s/stream"}}, {"files": {"tensors": "/etc/passwd"}}, {"files": {}},
    ],
)  # fmt: skip
def test_a_header_that_lies_is_refused(saved, facts):
    folder, model, _ = saved
    (folder / "state.json").write_text(json.dumps(facts_of(folder) | facts))
    with pytest.raises(UserError) as caught:
        load_state(folder, model)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("kind", ["transformer", "mac"])
def test_a_part_that_grows_has_the_size_that_the_position_says(kind, tmp_path):
    model = byte_model(kind)
    save_state(tmp_path, after(model, some_bytes(14)), model)
    reseal(tmp_path, lambda t: t.update({".position": torch.tensor([12])}))
    facts = facts_of(tmp_path) | {"position": [12]}
    (tmp_path / "state.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="of shape"):
        load_state(tmp_path, model)
