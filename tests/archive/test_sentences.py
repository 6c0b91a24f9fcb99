"""Laws of sentences: joined they are the text, and no cut of the text changes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duotempo.archive.sentences import MOST, split
from duotempo.tasks.diary import Diary
from duotempo.tasks.text import default_text

PARTS = [
    "Mr. ",
    "Dr. J. R. Hill ",
    "said ",
    "no. ",
    "No. 7 ",
    "It was 6 p.m. ",
    "A.\n",
    "I. ",
    "\n\n",
]
PARTS += [
    "She left. ",
    '"Oh!" he cried. ',
    "Why? ",
    "Well... ",
    "(So.) ",
    "e.g. this ",
    "3.14 ",
    "1. ",
]
PARTS += ["我住在奥斯陆。", "「好。」", "吗？ ", "他说", "Oslo！", "（是。）", "”"]
PARTS += [" ", "\n", "\r\n \r\n", "x" * 50, "\t", "Ünder. ", "Ω! ", "end."]
prose = st.lists(st.sampled_from(PARTS), max_size=60).map("".join)


@given(st.one_of(prose, st.text(max_size=200)))
def test_joined_they_are_the_text(text):
    found = split(text)
    assert "".join(found) == text
    assert all(0 < len(s) <= MOST for s in found)


@given(st.one_of(prose, st.text(". \n\"'aB。？」「你", max_size=80)), st.integers(0, 3000))
def test_an_open_sentence_grows_into_what_it_would_have_been(text, cut):
    cut = min(cut, len(text))
    *closed, tail = split(text[:cut]) or [""]
    assert closed + split(tail + text[cut:]) == split(text)


@pytest.mark.parametrize(
    "sentences",
    [
        ["Mr. and Mrs. Hill met Dr. Fox. ", "They talked."],
        ["J. R. Hill wrote it. ", "So did I. ", "You did not."],
        ["She came at 6 p.m. ", "Then it rained."],
        ["See No. 7 and fig. 3 of vol. 2. ", "He said no. ", "Good."],
        ['"Oh!" she said. ', '"Is it?" ', "It was."],
        ["Wait... what? ", "Yes... ", "No!"],
        ["He left (at last.) ", "She stayed."],
        ["A heading\n\n", "Mr.\n\n", "a third\n \n", "The end"],
        ["Tools, e.g. a rake, cost 3.50 each. ", "“Too much.” ", "‘Yes.’ ", "_So_ it is."],
        ["1. Wash it. ", "2. Dry it."],
        ["Tuesday, 19 June. ", "It rained."],
        ["我住在奥斯陆。", "你呢？", "「我不知道。」", "他说了！！ ", "Oslo很美。"],
        ["これは本です。", "（本当です。）", "はい。\n", "「え？」", "終わり"],
        ["Ende. ", "Über uns! ", "Там. ", "Итак."],
    ],
)
def test_sentences_end_where_a_reader_says_so(sentences):
    assert split("".join(sentences)) == sentences


def test_what_runs_on_is_cut_at_white_space_or_else_anywhere():
    assert {len(s) for s in split("ten chars " * 1000)[:-1]} == {MOST}
    words = split("elevenchars " * 1000)
    assert all(s.endswith("s ") for s in words[:-1])
    assert [len(s) for s in split("x" * (2 * MOST + 5))] == [MOST, MOST, 5]


def test_the_facts_of_a_diary_are_sentences_of_their_own():
    diary = Diary().make(3)
    found = {s.strip() for s in split(diary.evicted)}
    assert {f.sentence for f in diary.facts} <= found


def test_real_prose_is_cut_into_sentences_of_reading_size():
    found = split(default_text().text)
    assert 80 < sum(map(len, found)) / len(found) < 140
