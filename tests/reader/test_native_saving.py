"""Laws of a saved native reader: whole or refused with one sentence, in any process."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.reader import Reader
from duotempo.reader.native import NativeReader
from tests.models.sealed import after, byte_model, facts_of, reseal, some_bytes
from tests.reader.lives import LIVELY
from tests.reader.native_lives import TEXT, interrupted, put_model, same
from tests.reader.strangers import copy, one_sentence
from tests.reader.test_hostile_files import JSON, places

ROOT = Path(__file__).parents[2]
ELSEWHERE = """
import json, sys
import torch
from duotempo.reader.native import NativeReader
torch.use_deterministic_algorithms(True)
reader = NativeReader.load(sys.argv[1])
said = [reader.generate("Then", tokens=9), reader.ask("The dog"), reader.tokens_read]
print(json.dumps([*said, reader.read(sys.argv[2], name="t").tokens, reader.generate(tokens=9)]))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The state of a reader that was interrupted."""
    folder = tmp_path_factory.mktemp("saved")
    put_model(folder / "model")
    reader = NativeReader.open(folder)
    interrupted(reader, TEXT, 2, "t")
    reader.save(folder / "s")
    return folder / "s"


@pytest.fixture
def folder(saved, tmp_path_factory):
    """A copy to do harm to."""
    return copy(saved, tmp_path_factory)


def test_in_another_process_it_says_and_reads_the_same(saved):
    code = [sys.executable, "-c", ELSEWHERE, str(saved), TEXT]
    done = subprocess.run(code, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    reader = NativeReader.load(saved)
    said = [reader.generate("Then", tokens=9), reader.ask("The dog"), reader.tokens_read]
    said += [reader.read(TEXT, name="t").tokens, reader.generate(tokens=9)]
    assert json.loads(done.stdout) == said


def test_a_reader_that_has_read_nothing_can_be_saved(saved, tmp_path):
    reader = NativeReader.open(saved.parent)
    reader.save(tmp_path / "s")
    assert same(NativeReader.load(tmp_path / "s"), reader)


def lives_or_is_refused(folder):
    """Load; what loads must also speak, read and save, or say why not."""
    try:
        reader = NativeReader.load(folder)
        reader.ask("Who has a dog?", tokens=2)
        reader.read("And on it goes. " * 9, name="after")
        reader.generate("Then", tokens=2)
        reader.save(folder.parent / "again")
    except UserError as error:
        return one_sentence(str(error))
    return True


@given(data=st.data())
@settings(LIVELY, max_examples=60)
def test_any_other_value_in_the_json_lives_or_is_refused(saved, tmp_path_factory, data):
    folder = copy(saved, tmp_path_factory)
    facts = facts_of(folder)
    *way, last = data.draw(st.sampled_from([p for p in places(facts) if p]))
    holder = facts
    for key in way:
        holder = holder[key]
    if data.draw(st.booleans()) or isinstance(holder, list):
        holder[last] = data.draw(JSON)
    else:
        del holder[last]
    (folder / "state.json").write_text(json.dumps(facts))
    assert lives_or_is_refused(folder)


@pytest.mark.parametrize(
    "place", ["", "/", "/nowhere", "x\0y", "~nobody-at-all", "\ud800", 7, None, ["x"], "x\n" * 900]
)
def test_a_model_that_is_not_where_it_was_is_asked_for(folder, saved, place):
    facts = facts_of(folder)
    facts["about"]["model"] = place
    (folder / "state.json").write_text(json.dumps(facts))
    with pytest.raises(UserError, match="is not where it was") as caught:
        NativeReader.load(folder)
    assert one_sentence(str(caught.value))
    found = NativeReader.load(folder, model=saved.parent)
    assert same(found, NativeReader.load(saved))


def test_a_model_with_other_weights_is_refused(folder, tmp_path):
    put_model(tmp_path / "other", "lmm")
    with pytest.raises(UserError, match="load it with its own model"):
        NativeReader.load(folder, model=tmp_path / "other")


def test_logits_that_are_missing_are_missed(folder):
    reseal(folder, lambda tensors: tensors.pop("ahead"))
    with pytest.raises(UserError, match="what comes next"):
        NativeReader.load(folder)


def test_several_streams_are_not_one(saved, tmp_path):
    from duotempo.models.stream_files import save_state

    model, tokens = byte_model("mag"), some_bytes(5, batch=2)
    about = {"model": str(saved.parent), "unfinished": None}
    ahead = model(tokens)[0][:, -1].detach()
    save_state(tmp_path, after(model, tokens), model, ahead=ahead, about=about)
    with pytest.raises(UserError, match="several streams"):
        NativeReader.load(tmp_path)


def test_the_other_kind_of_reader_says_that_it_is_not_its_own(folder):
    with pytest.raises(UserError, match="not that of a state of the kind 'attached'"):
        Reader.load(folder)
