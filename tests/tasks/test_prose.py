"""Laws of prose: stretches of the text that was named, and nothing of what is held out."""

import gzip
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks.prose import FOLDER, Prose, corpus, texts
from duotempo.tasks.text import default_text


def said(tensor):
    return bytes(tensor.tolist())


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of two named texts, one of them packed."""
    (tmp_path / "first.txt").write_text("Ä first text. " * 40, encoding="utf-8")
    (tmp_path / "second.txt.gz").write_bytes(gzip.compress(b"another one, the second. " * 40))
    monkeypatch.setenv(FOLDER, str(tmp_path))
    return tmp_path


def test_train_and_held_out_are_the_whole_text_in_two():
    whole, train, held = (said(corpus(None, split)) for split in ("whole", "train", "held-out"))
    assert train + held == whole == default_text().text.encode()
    assert len(held) == pytest.approx(0.1 * len(whole), rel=0.26)
    assert train.endswith(b"\n\n")
    assert not held.startswith(b"\n")


@given(st.integers(0, 2**40), st.integers(0, 2**40), st.sampled_from(("train", "held-out")))
@settings(max_examples=20)
def test_stretches_come_from_their_split(seed, index, split):
    batch = Prose(length=64, rows=2, split=split).batch(seed, index)
    text = said(corpus(None, split))
    for tokens, targets in zip(batch.tokens, batch.targets, strict=True):
        assert said(tokens) + said(targets[-1:]) in text
    assert (batch.weights == 1).all()
    assert not batch.answers.any()


def test_the_first_and_the_last_byte_are_read_too(tmp_path):
    (tmp_path / "t.txt").write_text("abcdef")
    task = Prose(str(tmp_path / "t.txt"), length=4, rows=64, split="whole")
    assert {said(row) for row in task.batch(0, 0).tokens} == {b"abcd", b"bcde"}


def test_named_texts_come_from_the_folder_that_the_environment_names(folder):
    both = said(corpus(("first", "second"), "whole"))
    assert both == said(corpus(os.pathsep.join(("first", "second")), "whole"))
    assert both == ("Ä first text. " * 40).encode() + b"\n\n" + b"another one, the second. " * 40
    assert said(corpus(str(folder), "whole")) == both
    assert [t.name for t in texts(("second", "first"))] == ["second", "first"]


def test_another_text_may_be_held_out(folder):
    assert said(corpus("first", "train", "second")) == said(corpus("first", "whole"))
    assert said(corpus("first", "held-out", "second")) == said(corpus("second", "whole"))


def test_a_text_is_loaded_once(folder):
    first = corpus("first", "whole")
    (folder / "first.txt").write_text("changed")
    assert corpus("first", "whole") is first
    assert first.dtype == torch.uint8


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"split": "test"}, "use one of"),
        ({"held_out": 1.0}, "between 0 and 1"),
        ({"held_out": 0.0}, "split='whole' reads all"),
        ({"split": "whole", "held_out": "emma"}, "whose whole"),
        ({"length": 0}, "at least 1"),
        ({"rows": 0}, "at least 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, mend):
    with pytest.raises(UserError, match=mend):
        Prose(**settings)


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"source": "-"}, "only once"),
        ({"source": "no-such-novel"}, FOLDER),
        ({"source": ()}, "names no text"),
        ({"source": f"first{os.pathsep}"}, "names no text"),
        ({"source": "first", "length": 2000}, "shorter length"),
        ({"source": "first", "held_out": 1e-9, "split": "held-out"}, "holds nothing"),
    ],
)
def test_sources_that_cannot_be_read_are_refused(folder, settings, mend):
    with pytest.raises(UserError, match=mend):
        Prose(**settings).batch(0, 0)
