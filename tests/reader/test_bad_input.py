"""Laws of bad input: what makes no sense is one sentence, and changes nothing."""

import pytest

from duotempo.core import UserError
from duotempo.reader import Reader, Settings
from duotempo.reader.settings import SENSE, check
from tests.reader.lives import a_life, a_reader, assert_same_life, worded

MENDS = r"must be|choose a smaller one|give one with at least one word|decode it anew|empty"


def test_a_window_as_large_as_the_models_is_the_largest(at_hand):
    assert a_reader("weights", window=256).settings.window == 256
    for make in (a_reader, lambda **sizes: Reader.open(worded().name, **sizes)):
        with pytest.raises(UserError, match="choose a smaller one"):
            make(window=257)


@pytest.mark.parametrize(
    "wrong",
    [{"fast": "x"}, {"mode": "x"}, {"window": 15}, {"every": 0}, {"passes": -1}, {"seed": -1}],
)
def test_settings_that_make_no_sense_are_refused_with_a_sentence(wrong):
    with pytest.raises(UserError, match=r"must be|is unknown"):
        Settings(**wrong)


@pytest.mark.parametrize("value", [64.5, 64.0, "64", None, True, [64], 2**70, float("inf")])
@pytest.mark.parametrize("name", list(SENSE))
def test_a_setting_that_is_no_number_of_things_is_refused(name, value):
    with pytest.raises(UserError, match=f"{name}=.*must be"):
        check(name, value)


def test_fewer_passes_than_none_are_refused():
    with pytest.raises(UserError, match="passes=-1"):
        a_life("weights").sleep(-1)


@pytest.mark.parametrize("source", ["", " \n\t ", [], ["", " "], "half \ud800 a character"])
def test_a_text_without_words_is_refused_and_changes_nothing(source):
    reader, untouched = a_reader("weights"), a_reader("weights")
    with pytest.raises(UserError, match=MENDS):
        reader.read(source)
    assert_same_life(reader, untouched)


def test_an_empty_or_missing_file_is_refused_and_changes_nothing(tmp_path):
    reader, untouched = a_reader("weights"), a_reader("weights")
    (tmp_path / "empty").write_text("")
    (tmp_path / "blank").write_text("\n \n")
    for name in ("empty", "blank", "missing"):
        with pytest.raises(UserError, match=r"words in it|at least one word|no file"):
            reader.read(tmp_path / name)
    assert_same_life(reader, untouched)
