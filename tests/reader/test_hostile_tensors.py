"""Laws of a stranger's tensors: what does not fit the model, or itself, is refused."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from duotempo.core import UserError
from duotempo.reader import Reader
from tests.reader.lives import a_reader, lettered
from tests.reader.strangers import file_of, seal

pytestmark = pytest.mark.usefixtures("at_hand", "unchecked")


def memory_name(tensors):
    return next(name for name in sorted(tensors) if name.startswith("memory."))


def with_memory(change):
    return lambda t: t | {memory_name(t): change(t[memory_name(t)])}


def narrowed(tensor):
    """One number less along the axis that rank or slots lie on."""
    axis = 2 if tensor.dim() == 4 else 0
    return tensor.narrow(axis, 0, tensor.shape[axis] - 1).contiguous()


HARM = {
    "a NaN": with_memory(lambda t: torch.full_like(t, torch.nan)),
    "an infinity": with_memory(lambda t: torch.full_like(t, torch.inf)),
    "numbers too large": with_memory(lambda t: torch.full_like(t, 1e30)),
    "whole numbers": with_memory(lambda t: t.long()),
    "truth values": with_memory(lambda t: t > 0),
    "small floats": with_memory(lambda t: t.to(torch.float8_e4m3fn)),
    "another shape": with_memory(lambda t: t.reshape(-1)),
    "another size": with_memory(lambda t: torch.cat([t, t], dim=-1)),
    "a rank of its own": with_memory(narrowed),
    "no rank": lambda t: {
        n: v[:0] if n.startswith("memory.down") else v[..., :0] if "up" in n else v
        for n, v in t.items()
        if "up" in n or "down" in n or "memory" not in n
    },
    "a part missing": lambda t: {n: v for n, v in t.items() if n != memory_name(t)},
    "a strange part": lambda t: t | {"memory.strange": torch.zeros(2)},
    "a nameless layer": lambda t: t | {"memory.keys.x": torch.zeros(1, 2, 2, 4)},
    "no window": lambda t: {n: v for n, v in t.items() if n != "awake.window"},
    "floats for tokens": lambda t: t | {"awake.window": t["awake.window"].float()},
    "words that are none": lambda t: t | {"awake.window": t["awake.window"] + 1000},
    "words below none": lambda t: t | {"awake.window": t["awake.window"] - 1000},
    "a table of tokens": lambda t: t | {"awake.window": t["awake.window"][None]},
    "a long window": lambda t: t | {"awake.window": t["awake.window"].repeat(9)},
    "a short window": lambda t: t | {"awake.window": t["awake.window"][:1]},
    "more pending": lambda t: t | {"awake.pending": t["awake.pending"].repeat(2)},
    "a strange replay": lambda t: t | {"replay.0000": torch.zeros(5, dtype=torch.long)},
    "a wide past": lambda t: t | {"awake.before": torch.zeros(999, dtype=torch.long)},
    "too much replay": lambda t: (
        t | {f"replay.{i:04}": torch.zeros(48, dtype=torch.long) for i in range(33)}
    ),
}


@pytest.mark.parametrize("harm", list(HARM))
def test_tensors_that_do_not_fit_are_refused(folder, harm):
    path = file_of(folder, "tensors")
    changed = HARM[harm](load_file(path))
    save_file({name: t.contiguous().clone() for name, t in changed.items()}, path)
    seal(folder, "tensors", path)
    with pytest.raises(UserError, match="read the text again"):
        Reader.load(folder)


def test_a_state_of_another_model_is_refused(folder):
    facts = json.loads((folder / "state.json").read_text())
    facts["model"] = lettered("llama").name
    (folder / "state.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="made with other weights"):
        Reader.load(folder)
    facts["fingerprint"] = lettered("llama").fingerprint
    (folder / "state.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="read the text again"):
        Reader.load(folder)


def test_a_window_larger_than_the_models_is_refused(folder):
    facts = json.loads((folder / "state.json").read_text())
    facts["settings"]["window"] = 257
    (folder / "state.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="choose a smaller one"):
        Reader.load(folder)


def test_latents_for_a_model_that_takes_none_are_refused(tmp_path):
    reader = a_reader("weights", lettered("gpt2"))
    reader.read("Ann has a dog. " * 9)
    reader.save(tmp_path)
    facts = json.loads((tmp_path / "state.json").read_text())
    facts["memory"] = "latents"
    (tmp_path / "state.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="takes no latents"):
        Reader.load(tmp_path)
