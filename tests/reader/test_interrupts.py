"""Laws of interrupts: whatever the moment, the reader can be saved, and nothing is read twice."""

import pytest

from duotempo.archive import Archive
from duotempo.core import UserError
from duotempo.reader import Reader
from tests.reader.lives import (
    KINDS,
    TEXT,
    a_reader,
    assert_same_life,
    tensors_of,
    undisturbed,
    worded,
)

each_kind = pytest.mark.parametrize("fast", KINDS)


class Interrupt:
    """A `tell` that hears so many words in peace and is then interrupted once."""

    def __init__(self, patience):
        self.left = patience

    def __call__(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def read_on(reader, text=TEXT):
    """Read until the text is done, however often it is interrupted."""
    interrupts = 0
    while True:
        try:
            reader.read(text, name="diary")
        except KeyboardInterrupt:
            interrupts += 1
        else:
            return interrupts


@each_kind
@pytest.mark.parametrize("patience", [1, 2, 13, 22])
def test_interrupted_anywhere_reading_the_same_again_goes_on(fast, patience, at_hand, tmp_path):
    reader = a_reader(fast)
    reader.tell = Interrupt(patience)
    with pytest.raises(KeyboardInterrupt):
        reader.read(TEXT, name="diary")
    assert TEXT.startswith(reader.archive.text("diary"))
    assert reader.awake.read == len(worded().tokenizer(reader.archive.text("diary")).input_ids)
    reader.save(tmp_path / "s")
    later = Reader.load(tmp_path / "s")
    assert_same_life(later, reader)
    for one in (reader, later):
        assert read_on(one) == 0
        assert one.unfinished is None
        assert_same_life(one, undisturbed(fast))


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("piece", [1, 2, 3])
def test_an_interrupt_while_the_archive_is_written_is_no_harm(piece, moment, monkeypatch):
    reader, left, real = a_reader("none"), [piece], Archive.append

    def append(archive, *what, **where):
        left[0] -= 1
        if left[0] == 0 and moment == "before":
            raise KeyboardInterrupt
        real(archive, *what, **where)
        if left[0] == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(Archive, "append", append)
    assert read_on(reader) == 1
    assert_same_life(reader, undisturbed("none"))


@each_kind
@pytest.mark.parametrize("patience", [1, 4, 9])
def test_an_interrupted_sleep_has_not_been(fast, patience):
    whole, reader = a_reader(fast, every=None, passes=2), a_reader(fast, every=None, passes=2)
    for one in (whole, reader):
        one.read(TEXT[:1000])
    before = tensors_of(reader)
    reader.tell = Interrupt(patience)
    with pytest.raises(KeyboardInterrupt):
        reader.sleep()
    assert reader.memory is None
    assert tensors_of(reader).keys() == before.keys()
    assert reader.sleep().trials == whole.sleep().trials
    assert_same_life(reader, whole)


def test_a_source_that_breaks_off_is_gone_on_with():
    reader = a_reader("none")

    def broken():
        yield TEXT[:3000]
        raise UserError("the line is dead: dial again")

    with pytest.raises(UserError, match="dial again"):
        reader.read(broken(), name="diary")
    reader.read(TEXT, name="diary")
    assert_same_life(reader, undisturbed("none"))


def test_another_text_under_the_name_of_an_interrupted_one_is_read_whole():
    reader, other = a_reader("none"), "Something else. " * 300
    reader.tell = Interrupt(2)
    with pytest.raises(KeyboardInterrupt):
        reader.read(TEXT, name="diary")
    kept = reader.archive.text("diary")
    tokens = reader.awake.read
    reading = reader.read(other, name="diary")
    assert reader.archive.text("diary") == kept + other
    assert reading.tokens == reader.awake.read - tokens
    assert reader.unfinished is None


def test_a_text_read_to_its_end_is_read_again_when_given_again():
    reader = a_reader("none")
    for times in (1, 2):
        reader.read(TEXT, name="diary")
        assert reader.archive.text("diary") == TEXT * times
