"""Laws of memories: sentences rest on what was said, versions stay, what is forgotten is gone."""

import json
from collections.abc import Sequence

import pytest

from duotempo.archive.conversation_records import Line, Note, Version
from duotempo.archive.export import json_lines, markdown
from duotempo.archive.forget import forget_person, forget_session, forget_turns, traces
from duotempo.archive.memories import Memories
from duotempo.archive.people import Person
from duotempo.core import UserError

SAID = ("i live in timbuktu", "my sister plays the theremin", "call me chief")


def spoken(person: Person) -> list[int]:
    """A session of three turns with notes and a memory; the turns' ids."""
    session = person.begin()
    ids = [person.say(session, "user", text).id for text in SAID]
    person.end(session)
    memories = Memories(person)
    notes = [f"{person.name}: {text}" for text in SAID]
    memories.note(session, [Note(session, n, (i,)) for n, i in zip(notes, ids, strict=True)])
    parts = ("portrait", "portrait", "relation")
    lines = [Line(p, n, (i,)) for p, n, i in zip(parts, notes, ids, strict=True)]
    memories.propose(made(lines, session))
    return ids


def made(lines: Sequence[Line], until: int = 1, kept: bool = True) -> Version:
    """A version to propose."""
    return Version(0, None, 0.0, until, kept, "because", lines)


def test_notes_and_versions_come_back_as_they_were_written(ana):
    ids = spoken(ana)
    memories = Memories(ana)
    assert [note.turns for note in memories.notes()] == [(i,) for i in ids]
    version = memories.version()
    assert version is not None
    assert (version.number, version.parent, version.until) == (1, None, 1)
    assert [line.text for line in version.lines] == [f"{ana.name}: {text}" for text in SAID]
    assert ana.sessions()[0].noted


def test_taking_notes_again_replaces_them(ana):
    ids = spoken(ana)
    memories = Memories(ana)
    memories.note(1, [Note(1, "only this", (ids[0],))])
    assert [note.text for note in memories.notes()] == ["only this"]


def test_what_could_not_be_read_waits_with_its_reason(ana):
    session = ana.begin()
    ana.say(session, "user", "hello")
    Memories(ana).failed(session, "no heading")
    Memories(ana).failed(session, "no number")
    found = ana.sessions()[0]
    assert (found.noted, found.tries, found.fault) == (False, 2, "no number")
    assert len(ana.turns()) == 1


@pytest.mark.parametrize("which", ["none", "strange", "another's"])
def test_a_sentence_without_a_source_of_its_own_is_refused(talks, ana, which):
    ids = spoken(ana)
    other = talks.of(f"{ana.name}-other")
    theirs = other.say(other.begin(), "user", "hi").id
    turns = {"none": (), "strange": (ids[0], 10**9), "another's": (theirs,)}[which]
    memories = Memories(ana)
    with pytest.raises(UserError, match="rests on turns"):
        memories.propose(made([Line("portrait", "x", turns)]))
    with pytest.raises(UserError, match="rests on turns"):
        memories.note(1, [Note(1, "x", turns)])
    assert len(memories.versions()) == 1
    assert len(memories.notes()) == 3


def test_a_refused_version_leaves_everything_as_it_was(ana):
    spoken(ana)
    memories = Memories(ana)
    before = memories.version()
    memories.propose(made((), kept=False))
    assert memories.version() == before
    assert [(v.number, v.parent, v.kept) for v in memories.versions()] == [
        (1, None, True),
        (2, 1, False),
    ]


def test_an_earlier_version_stands_again_and_nothing_is_lost(ana):
    ids = spoken(ana)
    memories = Memories(ana)
    first = memories.version()
    memories.propose(made([Line("portrait", "worse", (ids[0],))]))
    back = memories.roll_back(1)
    assert first is not None
    now = memories.version()
    assert now is not None
    assert list(now.lines) == list(first.lines)
    assert (back.number, now.parent, len(memories.versions())) == (3, 2, 3)
    with pytest.raises(UserError, match="no version 9"):
        memories.roll_back(9)


def test_a_forgotten_turn_leaves_no_trace_and_the_rest_stays(ana):
    ids = spoken(ana)
    memories = Memories(ana)
    wrong = Line("recap", "they spoke of Timbuktu", (ids[1],))  # names the wrong source
    memories.propose(made([*memories.version().lines, wrong]))
    assert list(traces(ana, ["timbuktu", "Timbuktu"]))
    assert forget_turns(ana, [ids[0]]) == 1
    assert list(traces(ana, ["timbuktu", "Timbuktu"])) == []
    for number in (1, 2):
        texts = [line.text for line in memories.version(number).lines]
        assert texts == [f"{ana.name}: {text}" for text in SAID[1:]]
    assert memories.notes() == []
    assert not ana.sessions()[0].noted  # what is left is noted again
    assert [turn.text for turn in ana.turns()] == [None, *SAID[1:]]
    assert list(ana.faults()) == []


def test_a_session_and_a_person_go_wholly_and_others_stay(talks, ana):
    spoken(ana)
    other = talks.of(f"{ana.name}-other")
    spoken(other)
    assert forget_session(ana, 1) == 3
    assert all(turn.text is None for turn in ana.turns())
    assert [line.text for line in Memories(ana).version().lines] == []
    forget_person(ana)
    assert (ana.turns(), ana.sessions(), Memories(ana).versions()) == ([], [], [])
    assert len(Memories(other).version().lines) == 3
    forget_person(other)
    assert list(traces(other, ["theremin", other.name])) == []


def test_what_is_not_there_cannot_be_forgotten(talks, ana):
    ids = spoken(ana)
    other = talks.of(f"{ana.name}-other")
    spoken(other)
    with pytest.raises(UserError, match="nothing was forgotten"):
        forget_turns(other, [ids[0]])
    with pytest.raises(UserError, match="nobody of this name"):
        forget_person(talks.of(f"{ana.name}-nobody"))
    assert ana.turns()[0].text == SAID[0]


def test_everything_can_be_taken_away(ana):
    ids = spoken(ana)
    records = [json.loads(line) for line in json_lines(ana)]
    kinds = [record["kind"] for record in records]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "session": 1,
        "turn": 3,
        "note": 3,
        "version": 1,
    }
    assert records[-1]["lines"][0]["turns"] == [ids[0]]
    forget_turns(ana, [ids[2]])
    text = markdown(ana)
    assert "timbuktu" in text
    assert "chief" not in text
    assert "*forgotten*" in text
