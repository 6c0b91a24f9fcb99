"""Laws of taking everything away: of one moment, and without what is forgotten meanwhile."""

import json
from dataclasses import asdict

import pytest
from sqlalchemy import event

from duotempo.archive import export, forget
from duotempo.archive.conversation_records import Line, Note, Version
from duotempo.archive.export import json_lines, json_pages, known, markdown
from duotempo.archive.forget import forget_person, forget_turns
from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations, Person

SAID = ("i live in timbuktu", "my sister plays the theremin", "call me chief")


@pytest.fixture
def told(ana) -> Person:
    """Somebody with two sessions of three turns, their notes and two versions of a memory."""
    for number in (1, 2):
        session = ana.begin()
        ids = [ana.say(session, "user", text).id for text in SAID]
        ana.end(session)
        notes = [Note(session, text, (i,)) for text, i in zip(SAID, ids, strict=True)]
        Memories(ana).note(session, notes)
        lines = [Line("portrait", note.text, note.turns) for note in notes]
        Memories(ana).propose(Version(0, None, 0.0, number, True, "because", lines))
    return ana


def counted(records: list[dict]) -> dict[str, int]:
    """Records by kind."""
    kinds = [record["kind"] for record in records]
    return {kind: kinds.count(kind) for kind in kinds}


def test_pages_are_the_lines(told, monkeypatch):
    lines = list(json_lines(told))
    assert counted([json.loads(line) for line in lines]) == {
        "session": 2, "turn": 6, "note": 6, "version": 2
    }  # fmt: skip
    for size in (1, 300, 10**6):
        monkeypatch.setattr(export, "PAGE", size)
        pages = list(json_pages(told))
        assert "".join(pages) == "".join(f"{line}\n" for line in lines)
        assert len(pages) == {1: len(lines), 300: len(pages), 10**6: 1}[size]


@pytest.mark.parametrize("after", range(1, 16))
def test_what_is_forgotten_between_two_pages_is_in_none_after_it(told, monkeypatch, after):
    monkeypatch.setattr(export, "PAGE", 1)
    pages = json_pages(told)
    before = [json.loads(next(pages)) for _ in range(after)]
    forget_turns(told, [told.turns()[n].id for n in (0, 3)])  # once more in the second session
    rest = "".join(pages)
    assert "timbuktu" not in rest
    records = before + [json.loads(line) for line in rest.splitlines()]
    for kind, of in (("session", "sessions"), ("version", "versions")):
        numbers = [record["number"] for record in records if record["kind"] == kind]
        assert numbers == [each.number for each in getattr(known(told), of)]
    turns = [record["id"] for record in records if record["kind"] == "turn"]
    assert turns == [turn.id for turn in told.turns()]


def test_who_is_forgotten_between_two_pages_is_told_no_more(told, monkeypatch):
    monkeypatch.setattr(export, "PAGE", 1)
    pages = json_pages(told)
    next(pages)
    forget_person(told)
    assert list(pages) == []


def test_one_look_is_of_one_moment_whatever_another_process_forgets(where, told, monkeypatch):
    monkeypatch.setattr(forget, "sweep", lambda engine: None)  # it would wait for this very look
    done = []

    def meanwhile(*about: object) -> None:
        if "FROM note" in str(about[2]) and not done:
            done.append(forget_turns(other.of(told.name), [told.turns()[0].id]))

    before = asdict(known(told))
    with Conversations(where) as other:
        event.listen(told.engine, "before_cursor_execute", meanwhile)
        assert asdict(known(told)) == before
        assert done == [1]
    assert [turn.text for turn in known(told).turns] == [None, *SAID[1:], *SAID]


def test_a_page_to_read_is_of_one_moment_too(told):
    assert markdown(told).count("**user**") == 6
    assert "## Memory, version 2" in markdown(told)
