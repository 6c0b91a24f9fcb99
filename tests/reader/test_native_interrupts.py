"""Laws of an interrupted reading of a native model: what was read counts once."""

import pytest

from duotempo.core import UserError
from duotempo.reader.byte_session import PIECE, Course, Part
from duotempo.reader.native import NativeReader
from tests.reader.native_lives import TEXT, interrupted, put_model, same


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model's folder."""
    return put_model(tmp_path_factory.mktemp("run") / "model")


@pytest.fixture
def reader(folder):
    """A reader that has read nothing."""
    return NativeReader.open(folder)


@pytest.mark.parametrize("pieces", [1, 2])
def test_an_interrupted_text_goes_on_where_it_was_in_another_life_too(reader, pieces, tmp_path):
    (tmp_path / "a.txt").write_text(TEXT)
    whole = reader.fork()
    whole.read(TEXT)
    interrupted(reader, tmp_path / "a.txt", pieces)
    assert reader.tokens_read == pieces * PIECE
    reader.save(tmp_path / "s")
    later = NativeReader.load(tmp_path / "s")
    for one in (reader, later):
        assert one.read(tmp_path / "a.txt").tokens == len(TEXT.encode()) - pieces * PIECE
        assert same(one, whole)
    assert later.read(tmp_path / "a.txt").tokens == len(TEXT.encode())


def test_after_an_interrupt_another_text_is_read_from_its_beginning(reader):
    interrupted(reader, TEXT, 1, "t")
    twin = reader.fork()
    assert reader.read(TEXT.replace("Ann", "Eve"), name="t").tokens == len(TEXT.encode())
    assert twin.read("It rained.", name="t").tokens == len("It rained.")


def test_pieces_of_a_stream_always_come_next(reader):
    interrupted(reader, [TEXT], 1, "t")
    assert reader.read([TEXT], name="t").tokens == len(TEXT.encode())


def test_a_text_that_breaks_keeps_what_came_before_and_the_mended_one_goes_on(reader, tmp_path):
    path, whole = tmp_path / "a.txt", TEXT * 6
    path.write_bytes(whole.encode() + b"\xff")
    with pytest.raises(UserError, match="not UTF-8"):
        reader.read(path)
    kept = reader.tokens_read
    assert kept > PIECE
    path.write_text(whole)
    reader.read(path)
    assert reader.tokens_read == len(whole.encode())


@pytest.mark.parametrize("part", [Part("t", 10**30, "x"), Part("t", -5, "x"), Part("t", 3, "x")])
def test_a_place_that_cannot_be_is_passed_by(part):
    assert not Course("t", ["abc", "def"]).passes(part)
