"""Laws of a native reader that sleeps: windows, passes, saving in the midst of one, refusals."""

import json
from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.saved import save_model
from duotempo.reader.native import NativeReader
from duotempo.reader.native_sleep import Sleeping
from duotempo.sleep.recurrent import SleeperConfig
from tests.models.native import KINDS
from tests.models.sealed import facts_of, seal, tensor_file
from tests.reader.native_lives import gap, interrupted, put_model, same
from tests.reader.strangers import copy
from tests.sleep.sleepers import SLEEPERS, WINDOW

TEXT = "Ann has a dog, naïve 雪 🐈 Rex.\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a model that was trained to sleep, or so it says."""
    torch.manual_seed(0)
    config, policy = SLEEPERS["hybrid"]
    folder = tmp_path_factory.mktemp("run") / "model"
    save_model(folder, SleeperConfig(replace(config, vocab=256), policy).build())
    return folder


def forward(reader, content):
    """What the model itself makes of some bytes."""
    with torch.no_grad():
        logits, state = reader.model(torch.tensor(list(content))[None])
    return state, logits[:, -1]


@pytest.mark.parametrize("passes", [None, 1, 2, 5])
def test_reading_sleeps_as_the_model_does_and_counts_its_windows(model, passes):
    reader = NativeReader.open(model, sleeping=passes and Sleeping(passes))
    reading = reader.read(TEXT)
    content = TEXT.encode()
    windows = len(content) // WINDOW
    assert reading.slept == ((passes or 3, windows),)
    assert reader.summary()["sleep"]["windows"] == {str(passes or 3): windows}
    _, ahead = forward(reader, content)
    assert (reader._channel.ready(reader._life.heard).ahead - ahead).abs().max() <= 1e-4


def test_pieces_of_any_size_leave_the_same_state(model):
    whole, cut = NativeReader.open(model), NativeReader.open(model)
    whole.read(TEXT)
    for start in range(0, len(TEXT), 5):
        cut.read([TEXT[start : start + 5]])
    assert gap(whole, cut) <= 1e-5
    assert whole.summary()["sleep"] == cut.summary()["sleep"]


@pytest.mark.parametrize("characters", [WINDOW - 4, WINDOW, 22])
def test_a_reader_saved_in_the_midst_of_a_window_goes_on(model, tmp_path, characters):
    """Before the first night, right after one, and between two."""
    reader = NativeReader.open(model, sleeping=Sleeping(2, choose=True))
    reader.read(TEXT[:characters])
    reader.save(tmp_path / "s")
    again = NativeReader.load(tmp_path / "s")
    assert again.summary()["sleep"] == reader.summary()["sleep"]
    for each in (reader, again):
        each.read([TEXT[characters:]])
    assert gap(reader, again) <= 1e-5
    assert again.generate("Ann", tokens=12) == reader.generate("Ann", tokens=12)


def test_asking_and_generating_past_the_window_changes_nothing(model):
    reader = NativeReader.open(model)
    reader.read(TEXT[:20])
    twin = reader.fork()
    reader.generate("Ann", tokens=WINDOW + 2)
    reader.ask("Who?", tokens=WINDOW)
    assert same(reader, twin)


def test_a_model_that_was_trained_awake_sleeps_when_asked_and_keeps_its_window(tmp_path):
    plain = NativeReader.open(put_model(tmp_path / "m", "mag"))
    asked = NativeReader.open(tmp_path / "m", sleeping=Sleeping(1))
    for reader in (plain, asked):
        reader.read(TEXT)
    (_, ahead), (_, same_ahead) = (
        (r, r._channel.ready(r._life.heard).ahead) for r in (plain, asked)
    )
    assert (ahead - same_ahead).abs().max() <= 1e-4, "one pass, sliding: the plain model"
    assert asked.summary()["sleep"]["window"] == KINDS["mag"].window
    assert plain.summary()["sleep"] is None


def test_what_cannot_sleep_says_why(tmp_path):
    for kind, said in (("transformer", "nothing is ever evicted"), ("window", "no fast weights")):
        folder = put_model(tmp_path / kind, kind)
        with pytest.raises(UserError, match=said):
            NativeReader.open(folder, sleeping=Sleeping(2))
    with pytest.raises(UserError, match="by itself"):
        NativeReader.open(put_model(tmp_path / "m"), sleeping=Sleeping(2)).sleep()


def test_an_interrupted_reading_goes_on_where_it_was(model):
    whole, reader = NativeReader.open(model), NativeReader.open(model)
    whole.read(TEXT * 2, name="t")
    interrupted(reader, TEXT * 2, 3, "t")
    assert reader.tokens_read == 3 * WINDOW
    reader.read(TEXT * 2, name="t")
    assert gap(whole, reader) <= 1e-5
    assert whole.tokens_read == reader.tokens_read


HOSTILE = {
    "policy": [None, [], {"window": "9"}, {"window": 9, "passes": 0}],
    "choose": [None, 3],
    "open": [None, "*", 7, "QUFBQUFBQUFBQUFBQUFBQQ=="],
    "slept": [None, 5, [[1]], [["a", "b"]]],
}


@pytest.mark.parametrize("field", HOSTILE)
def test_a_strangers_sleep_is_refused_with_one_sentence(model, field, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "s"
    reader = NativeReader.open(model)
    reader.read(TEXT[:20])
    reader.save(folder)
    for value in HOSTILE[field]:
        harmed = copy(folder, tmp_path_factory)
        about = facts_of(harmed)["about"]
        about["sleep"][field] = value
        seal(harmed, tensor_file(harmed).read_bytes(), about=about)
        with pytest.raises(UserError) as error:
            NativeReader.load(harmed)
        assert "\n" not in str(error.value), json.dumps(value)
