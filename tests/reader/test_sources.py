"""Laws of sources: the same pieces wherever a text was cut before, and nothing read twice."""

from hypothesis import given
from hypothesis import strategies as st

from duotempo.reader.sources import PIECE, Place, beyond, cut
from tests.reader.lives import LIVELY, TEXT, pieces, worded

words = st.text(st.sampled_from("ab  \n\t雪.")).map(lambda text: text * 400)
seeds = st.integers(0, 1000)


@given(text=words, seed=seeds)
@LIVELY
def test_pieces_are_the_same_wherever_the_text_was_cut(text, seed):
    whole = list(cut([text]))
    assert list(cut(pieces(text, seed))) == whole
    assert "".join(whole) == text
    assert all(PIECE <= len(piece) <= 2 * PIECE for piece in whole[:-1])
    assert all(0 < len(piece) <= 2 * PIECE for piece in whole[-1:])


@given(text=words, seed=seeds, after=st.integers(0, 9))
@LIVELY
def test_a_text_gone_on_with_at_a_piece_has_the_same_pieces(text, seed, after):
    whole = list(cut([text]))
    known = "".join(whole[:after])
    same, rest = beyond(iter(pieces(text, seed)), known)
    assert same
    assert list(cut(rest)) == whole[after:]


@given(text=words, seed=seeds, known=words)
@LIVELY
def test_a_text_that_begins_otherwise_is_read_from_its_beginning(text, seed, known):
    same, rest = beyond(iter(pieces(text, seed)), known)
    assert same == text.startswith(known)
    assert "".join(rest) == (text[len(known) :] if same else text)


def test_running_text_is_cut_between_words_and_its_tokens_are_those_of_the_whole():
    found = list(cut([TEXT]))
    assert len(found) > 2
    assert all(piece[0] == " " and piece[1].isalnum() for piece in found[1:])
    tokens = [token for piece in found for token in worded().tokenizer(piece).input_ids]
    assert tokens == worded().tokenizer(TEXT).input_ids


def test_text_without_spaces_is_cut_at_white_space_and_without_any_anywhere():
    assert {len(piece) for piece in cut(["x" * 9 * PIECE])} == {2 * PIECE, PIECE}
    lines = list(cut(["word\n" * PIECE]))
    assert all(piece.startswith("\n") for piece in lines[1:])


def test_a_place_knows_its_end_in_the_source():
    assert Place("diary", 7).after("abc").after("de").end == 12
