"""Laws of the archive: it keeps exactly what was read, finds it, and says when it was changed."""

import itertools
import sqlite3
from hashlib import sha256
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.archive import Archive, Sentence
from duotempo.archive.archive import PLACED
from duotempo.core import UserError
from duotempo.tasks.diary import Diary

STORY = (
    "Orla has a dog. The dog is called Bishop! Mr. Venn plays the violin.\n\n"
    "Nobody in Oslo knows why. It rained"
)
words = st.lists(
    st.sampled_from(["It rained. ", "Mr. ", "Why? ", "\n\n", "dog ", "Ünder\0s ", " ", "So. "]),
    max_size=25,
).map("".join)


@pytest.fixture
def archive():
    with Archive.open(":memory:") as found:
        yield found


def everything(archive):
    """All sentences of an archive with their places, in the order of their ids."""
    by_id = PLACED.format(score="0.0") + "true ORDER BY sentence.id"
    return list(archive._sentences(by_id))


def test_what_was_read_comes_back_exactly(archive):
    for piece in (STORY[:20], STORY[20:21], STORY[21:]):
        archive.append("story", piece)
    archive.append("other", "Another text.")
    assert archive.text("story") == STORY
    assert archive.text() == STORY + "Another text."


@given(words, st.lists(st.integers(0, 60), max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_cut_of_a_text_gives_the_same_sentences(text, cuts):
    edges = sorted({0, len(text), *(c for c in cuts if c < len(text))})
    with Archive.open(":memory:") as whole, Archive.open(":memory:") as cut:
        whole.append("t", text)
        for start, end in itertools.pairwise(edges):
            cut.append("t", text[start:end])
        assert everything(cut) == everything(whole)
        assert "".join(s.text for s in everything(whole)) == whole.text() == text
        assert cut.verify() == whole.verify() == []


@given(st.lists(st.tuples(st.sampled_from("ab"), words), max_size=8))
@settings(max_examples=40, deadline=None)
def test_replaying_the_log_rebuilds_the_archive(pieces):
    with Archive.open(":memory:") as archive:
        for source, text in pieces:
            archive.append(source, text)
        before = everything(archive), archive.search("dog rained so", 9)
        archive.rebuild()
        assert (everything(archive), archive.search("dog rained so", 9)) == before
        assert archive.verify() == []


def test_offsets_are_characters_of_the_source(archive):
    archive.append("x", "Something else. ")
    archive.append("story", "Käse 🧀. ")
    archive.append("story", STORY)
    for sentence in archive.search("dog Bishop Oslo violin", 9):
        whole = archive.text(sentence.source)
        assert whole[sentence.start : sentence.end] == sentence.text
        assert sentence.source == "story"


def test_the_open_sentence_is_found_at_once_and_grows(archive):
    (first,) = archive.append("t", "The dog is cal")
    assert archive.search("dog")[0].text == "The dog is cal"
    grown, new = archive.append("t", "led Bishop. He")
    assert (grown, archive.search("Bishop")[0].text) == (first, "The dog is called Bishop. ")
    assert archive.search("cal") == []
    assert archive.append("t", " sleeps") == (new,)


def test_the_best_match_leads_and_equals_keep_their_order(archive):
    archive.append("a", "A red hat. Red hats are red. A red hat? ")
    archive.append("b", "Nothing here. A red hat. A blue coat.")
    found = archive.search("red hats", 9)
    assert [s.text for s in found] == ["Red hats are red. ", "A red hat. ", "A red hat? "]
    assert found[0].score > found[1].score == found[2].score > 0


def test_stems_match_and_function_words_do_not(archive):
    archive.append("t", "Ines was playing it. What is the name of it? They grew tired.")
    assert [s.text for s in archive.search("What does Ines play?")] == ["Ines was playing it. "]
    assert archive.search("what is it")[0].text == "What is the name of it? "
    assert archive.search("zebra") == []


def test_a_text_read_twice_is_kept_twice_and_found_once(archive):
    archive.append("t", "The dog barks. ")
    archive.append("t", "The dog barks. ")
    assert archive.text("t") == "The dog barks. " * 2
    (found,) = archive.search("dog")
    assert found.start == 0


def test_a_piece_known_to_be_kept_is_not_kept_again(archive):
    archive.append("t", STORY[:30])
    archive.append("t", STORY[30:50])
    assert archive.append("t", STORY[10:40], at=10) == ()
    archive.append("t", STORY[45:], at=45)
    assert archive.text("t") == STORY
    archive.append("new", STORY, at=0)
    assert archive.text("new") == STORY


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [("xyz", 3, "another text"), ("xyz", 99, "ends at character 10"), ("xyz", -1, "ends at")],
)
def test_a_piece_that_does_not_fit_is_refused_and_changes_nothing(archive, text, at, said):
    archive.append("t", STORY[:10])
    with pytest.raises(UserError, match=said):
        archive.append("t", text, at=at)
    with pytest.raises(UserError, match="ends at character 0"):
        archive.append("unheard of", text, at=5)
    assert (archive.text(), [s.name for s in archive.sources()]) == (STORY[:10], ["t"])


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_may_be_asked_and_any_text_kept(text):
    with Archive.open(":memory:") as archive:
        archive.append(text, STORY + text)
        archive.search(text)
        assert archive.text(text) == STORY + text
        assert archive.verify() == []


@pytest.mark.parametrize(
    "question",
    ['"', "dog AND", "dog NEAR(", "text:dog", "dog*", "-dog", "^dog", "(dog", "dog OR NOT", "'; --",
     "dog\0dog", "dog " * 5000, " ".join(f"dog w{i}" for i in range(3000))],
)  # fmt: skip
def test_operators_and_signs_are_only_words(archive, question):
    archive.append("t", STORY)
    found = archive.search(question)
    assert ("dog" in question) == any("dog" in s.text for s in found)


def test_asking_for_nothing_and_keeping_nothing(archive):
    assert archive.append("t", "") == ()
    assert archive.search("") == archive.search("?!") == archive.sources() == []
    with pytest.raises(UserError, match="at least 1"):
        archive.search("dog", 0)
    with pytest.raises(UserError, match="half a character"):
        archive.append("t", "half \ud800")


def test_around_gives_the_neighbours_in_order(archive):
    archive.append("other", "Before. ")
    archive.append("t", "One. Two. Three. Four. Five.")
    archive.append("other", "Between. ")
    (hit,) = archive.search("three")
    assert [s.line for s in archive.around(hit)] == ["Two.", "Three.", "Four."]
    assert [s.line for s in archive.around(hit, 9)] == ["One.", "Two.", "Three.", "Four.", "Five."]


def test_sources_are_named_by_the_sha256_of_their_text(archive):
    archive.append("b", "Käse. ")
    archive.append("a", "One. Two.")
    archive.append("b", "Brot.")
    b, a = archive.sources()
    assert (b.name, b.characters, b.sentences) == ("b", 11, 2)
    assert b.sha256 == sha256("Käse. Brot.".encode()).hexdigest()
    assert (a.name, a.characters, a.sentences) == ("a", 9, 2)


def test_a_length_is_that_of_the_text(archive):
    assert archive.length("a") == 0
    for piece in ("Żółć ", "🐈", " end."):
        archive.append("a", piece)
        archive.append("b", "Another one.")
        assert archive.length("a") == len(archive.text("a"))


def test_a_line_is_the_sentence_without_its_wrapping():
    assert Sentence(1, "t", 0, 12, "one\n  two. \n\n").line == "one two."


def test_the_log_cannot_be_rewritten(archive):
    archive.append("t", STORY)
    for statement in ("UPDATE entry SET text = ''", "DELETE FROM entry"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            archive._db.execute(statement)


@pytest.mark.parametrize(
    ("tampering", "said"),
    [
        ("UPDATE entry SET text = replace(text, 'dog', 'cat')", "changed at character 0"),
        ("UPDATE entry SET address = 'x' WHERE id = 2", "changed at character 40"),
        ("DELETE FROM entry WHERE id = 1", "changed at character 0"),
        ("UPDATE entry SET end = end + 1 WHERE id = 3", "changed at character 80"),
        ("UPDATE words SET text = 'The cat is called Bishop! ' WHERE rowid = 2", "do not fit"),
        ("DELETE FROM sentence WHERE id = 4", "do not fit"),
        ("UPDATE words_content SET c0 = replace(c0, 'dog', 'cat')", "index of words"),
    ],
)
def test_verify_finds_tampering(archive, tampering, said):
    for start in (0, 40, 80):
        archive.append("t", STORY[start : start + 40])
    assert archive.verify() == []
    archive._db.execute("DROP TRIGGER entry_stays")
    archive._db.execute("DROP TRIGGER entry_remains")
    archive._db.execute(tampering)
    assert any(said in fault for fault in archive.verify())


def test_rebuilding_mends_what_is_derived(archive):
    archive.append("t", STORY)
    archive._db.execute("UPDATE words_content SET c0 = 'nonsense'")
    archive._db.execute("DELETE FROM sentence WHERE id = 2")
    archive.rebuild()
    assert archive.verify() == []
    assert "".join(s.text for s in everything(archive)) == STORY


def test_a_question_about_a_diary_finds_its_sentence_among_four():
    found = total = 0
    for seed in range(5):
        diary = Diary().make(seed)
        with Archive.open(":memory:") as archive:
            archive.append("diary", diary.evicted)
            for fact in diary.facts:
                hits = [s.line for s in archive.search(fact.question, 4)]
                found, total = found + (fact.sentence in hits), total + 1
    assert found / total >= 0.8


def test_searching_many_sentences_stays_right(archive):
    random = Random(0)
    lines = [f"Note {i} is about {random.choice(['tea', 'coffee', 'rain'])}. " for i in range(3000)]
    archive.append("t", "".join(lines))
    assert archive.search("note 2917", 1)[0].text == lines[2917]
