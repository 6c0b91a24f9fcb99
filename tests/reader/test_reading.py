"""Laws of reading: cut anywhere it is the same life, memory is flat, the model stays."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import Candidate, UserError
from duotempo.core.loop import live
from duotempo.models.pretrained import fingerprint
from duotempo.reader import Reader, Settings, living
from duotempo.reader.session import MixedLoss, Window
from duotempo.sleep.passes import Passes, rounded
from tests.models.minds import a_memory
from tests.reader.lives import (
    KINDS,
    LIVELY,
    TEXT,
    a_life,
    a_reader,
    assert_same_life,
    lettered,
    pieces,
    undisturbed,
    worded,
)

each_kind = pytest.mark.parametrize("fast", KINDS)


@each_kind
@given(seed=st.integers(0, 1000))
@settings(LIVELY, max_examples=5)
def test_the_input_may_be_cut_anywhere(fast, seed):
    with a_reader(fast) as reader:
        reader.read(pieces(TEXT, seed), name="diary")
        assert_same_life(reader, undisturbed(fast))


def test_a_file_a_text_and_a_stream_are_the_same_life(tmp_path):
    path = tmp_path / "diary"
    path.write_text(TEXT, encoding="utf-8")
    for source in (path, TEXT, iter(TEXT)):
        reader = a_reader("none")
        reading = reader.read(source, name="diary")
        assert reading.tokens == reader.awake.read
        assert_same_life(reader, undisturbed("none"))


def test_the_window_holds_the_end_of_the_text_and_the_archive_all_of_it():
    reader, tokens = a_reader("none", every=None), worded().tokenizer(TEXT).input_ids
    reading = reader.read(TEXT)
    assert reader.awake.window.tolist() == tokens[-48:]
    assert reader.awake.pending.tolist() == tokens[:-48]
    assert (reading.tokens, reading.pending) == (len(tokens), len(tokens) - 48)
    assert reader.archive.text("text") == TEXT


@pytest.mark.parametrize("every", [16, 100])
def test_reading_is_flat(every, monkeypatch):
    reader, waited = a_reader("weights", every=every, passes=0), []
    write = Window.write

    def spied(channel, state, event):
        state = write(channel, state, event)
        waited.append(len(state.pending))
        return state

    monkeypatch.setattr(Window, "write", spied)
    reader.read(TEXT[:3000])
    assert max(waited) < every + 48
    assert len(reader.awake.window) == 48
    assert len(reader.awake.before) <= 48


def test_the_sample_for_replay_stays_small():
    reader = a_reader("none", every=64, window=16)
    reader.read(TEXT)
    assert len(reader.awake.replay) == 32
    assert all(len(piece) == 8 for piece in reader.awake.replay), "lessons of half a window"


def test_the_state_advances_in_the_loop_of_the_core_and_at_events_only(monkeypatch):
    reader, events, states = a_reader("weights"), [], []

    def spied(stream, slow, **parts):
        assert parts["state"] is reader.awake
        for event, state, memory in live(stream, slow, **parts):
            assert reader.awake is parts["state"], "the reader moves when the loop is done"
            events.append(event)
            states.append((state, memory))
            yield event, state, memory

    monkeypatch.setattr(living, "live", spied)
    reader.read(TEXT)
    assert (reader.awake, reader.memory) == states[-1]
    assert sum(event.size for event in events) == reader.awake.read
    assert max(event.size for event in events) == 48
    reader.read("It rained again.")
    reader.sleep()
    assert events[-1].rest
    assert (reader.awake, reader.memory) == states[-1]


@each_kind
def test_slow_weights_are_bit_identical_after_everything(fast, tmp_path):
    before = fingerprint(worded().model)
    reader = a_reader(fast)
    reader.read(TEXT)
    reader.read("It rained again.")
    reader.sleep()
    reader.memory = a_memory(reader.body, fast)
    reader.generate("Then", tokens=4)
    reader.score("It rained again.")
    reader.ask("Who has a dog?")
    reader.save(tmp_path / "s")
    assert fingerprint(worded().model) == before


def evidence_of(reader):
    judge = MixedLoss(reader.body, reader.share)
    return judge, judge.evidence(reader.awake.window)


@each_kind
@pytest.mark.parametrize("mode", ["generate", "remember"])
def test_what_a_sleep_keeps_is_not_worse_on_the_window(fast, mode):
    reader = a_reader(fast, every=None, mode=mode, passes=3)
    reader.read(TEXT[:1200])
    judge, evidence = evidence_of(reader)
    verdict = reader.sleep()
    assert judge(reader.memory, evidence) <= judge(None, evidence)
    assert (reader.memory is not None) == verdict.accepted
    assert reader.awake.verdict is verdict
    assert len(reader.awake.pending) == 0
    assert reader.summary()["last_sleep_kept"] == verdict.passes


@each_kind
def test_a_sleep_that_helps_the_window_is_kept(fast):
    reader = a_reader(fast, model=lettered("llama"), every=None, window=32, passes=4)
    reader.read("abcdefgh" * 40)
    verdict = reader.sleep()
    assert verdict.accepted, verdict.reason
    assert "kept N=" in reader.summary()["verdict"]


@each_kind
def test_a_sleep_that_harms_the_window_is_refused_and_leaves_the_memory_there_was(
    fast, monkeypatch
):
    def noise(passes, body, *_):
        for number in range(1, passes.most + 1):
            yield Candidate(number, rounded(a_memory(body, fast, seed=number)))

    reader = a_reader(fast, model=lettered("llama"), every=None, window=32, passes=4)
    reader.read("abcdefgh" * 40)
    reader.sleep()
    kept = reader.memory
    assert kept is not None
    reader.read("abcdefgh" * 40)
    monkeypatch.setattr(Passes, "candidates", noise)
    verdict = reader.sleep()
    assert not verdict.accepted, verdict.reason
    assert len(verdict.trials) == 3, "it stops after two passes that bring nothing"
    assert reader.memory is kept
    assert len(reader.awake.pending) == 0


def test_sleeping_longer_is_asked_for_by_setting_or_by_call():
    for chosen, asked, most in (({}, None, 8), ({"passes": 2}, None, 2), ({"passes": 2}, 3, 3)):
        reader = Reader(lettered("llama"), Settings(window=32, **chosen))
        reader.read("abcdefgh" * 10)
        trials = reader.sleep(asked).trials
        assert trials[-1].passes == most or len(trials) > 2  # the guard may have had enough
        assert trials[-1].passes <= most


def test_no_passes_are_no_sleep():
    reader = a_reader("weights", every=None)
    reader.read(TEXT[:1000])
    before = reader.awake
    verdict = reader.sleep(passes=0)
    assert not verdict.accepted
    assert "passes=0" in verdict.reason
    assert reader.awake is before
    reader = a_reader("weights", passes=0)
    reader.read(TEXT)
    assert reader.memory is None
    assert reader.awake.verdict is not None
    assert "passes=0" in reader.awake.verdict.reason


@pytest.mark.parametrize("model", ["no mlp", "experts", "llama"])
def test_without_a_fast_state_any_model_reads(model):
    reader = a_reader("none", model=lettered(model), window=32)
    reader.read(TEXT)
    reader.sleep()
    assert reader.memory is None
    assert "fast='none'" in reader.summary()["verdict"]
    assert reader.ask("Who has a dog?", sentences=1).sentences
    bits = reader.score("It rained.")
    assert bits.none == bits.mixed == bits.alone
    with pytest.raises(UserError, match="nothing has left the window since"):
        reader.sleep()


def test_a_reader_is_idle_when_too_little_is_left_to_sleep_on():
    reader = a_reader("weights", every=512)
    assert not reader.idle, "it has never slept"
    waiting = torch.arange(2)
    for slept, left, idle in ((512, 0, True), (512, 1, True), (512, 2, False), (0, 1, False)):
        reader.awake = replace(reader.awake, slept=slept, pending=waiting[:left])
        assert reader.idle == idle
    assert a_reader("none").idle


def test_a_text_shorter_than_the_window_is_all_in_view():
    reader = a_reader("weights")
    reader.read("Ann has a dog.")
    with pytest.raises(UserError, match="nothing has left the window yet"):
        reader.sleep()
    assert reader.memory is None
    assert reader.generate(tokens=3) is not None
    assert reader.ask("Who has a dog?").sentences[0].line == "Ann has a dog."


def test_one_token_is_too_little_to_sleep_on():
    reader = a_reader("weights", model=lettered("llama"), window=32)
    reader.read("a" * 33)
    with pytest.raises(UserError, match="only one token"):
        reader.sleep()
    assert len(reader.awake.pending) == 1
    reader.read("b")
    assert reader.sleep().trials


@each_kind
def test_a_fork_has_the_same_past_and_a_life_of_its_own(fast):
    parent = a_life(fast, every=None)
    before, text = parent.fork(), parent.archive.text()
    twin = parent.fork()
    assert_same_life(twin, parent)
    twin.read(TEXT[1500:], name="more")
    twin.sleep(1)
    assert_same_life(parent, before)
    assert twin.archive.text() == text + TEXT[1500:]
    parent.read("Something else.")
    assert "Something else." not in twin.archive.text()


def test_a_reader_takes_its_temporary_files_with_it():
    with a_life("none") as reader:
        folder = reader.archive.path.parent
        assert folder.exists()
        twin = reader.fork()
    assert not folder.exists()
    reader.close()  # again is no harm
    folder = twin.archive.path.parent
    del twin
    assert not folder.exists()


def test_same_seed_same_life_and_another_seed_another():
    readers = [a_reader("weights", seed=seed, every=None, passes=2) for seed in (1, 1, 2)]
    for reader in readers:
        reader.read("abcdefgh " * 60)
        reader.sleep()
    one, two, other = (reader.memory for reader in readers)
    assert_same_life(readers[0], readers[1])
    assert one is not None
    assert other is not None
    name = next(iter(one.tensors))
    assert torch.equal(one.tensors[name], two.tensors[name])
    assert not torch.equal(one.tensors[name], other.tensors[name])
