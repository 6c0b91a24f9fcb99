"""Laws of forgetting: nothing else is lost, no trace stays, not after a kill, not in a race."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from duotempo.archive import forget
from duotempo.archive.conversation_records import Line, Note, Version
from duotempo.archive.forget import forget_person, forget_session, forget_turns, traces
from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations, Person
from duotempo.archive.sweep import owed
from duotempo.core import UserError

MADE = Version(0, None, 0.0, 1, kept=True, reason="because")


def session(person: Person, *said: str) -> list[int]:
    """A session that is over; the ids of its turns."""
    number = person.begin()
    ids = [person.say(number, "user", text).id for text in said]
    person.end(number)
    return ids


def test_a_session_whose_notes_share_a_word_with_what_is_forgotten_is_noted_again(ana):
    (acme,), (nurse,) = session(ana, "i work at acme"), session(ana, "my sister works as a nurse")
    memories = Memories(ana)
    memories.note(1, [Note(1, "ana works at acme", (acme,))])
    memories.note(2, [Note(2, "her sister works as a nurse", (nurse,))])
    forget_turns(ana, [nurse])
    assert memories.notes() == []  # "works" was said in the forgotten turn alone
    assert [each.noted for each in ana.sessions()] == [False, False]


def test_what_a_refused_memory_was_quoted_with_is_forgotten_too(ana):
    (turn,) = session(ana, "i live in timbuktu")
    why = "refused: the model's memory could not be read: no number before it: 'in Timbuktu'"
    Memories(ana).propose(replace(MADE, kept=False, reason=why))
    forget_turns(ana, [turn])
    assert list(traces(ana, ["Timbuktu", "timbuktu"])) == []
    (version,) = Memories(ana).versions()
    assert version.reason == (
        "refused: the model's memory could not be read: no number before it: (forgotten)"
    )


def test_a_sentence_with_another_source_goes_where_no_spaces_stand_between_words(ana):
    one, two = session(ana, "我住在奥斯陆", "你好吗")
    lines = [Line("portrait", "用户的城市是奥斯陆", (two,)), Line("recap", "问好吗", (two,))]
    Memories(ana).propose(replace(MADE, lines=lines))
    forget_turns(ana, [one])
    assert [line.text for line in Memories(ana).version().lines] == ["问好吗"]


def test_many_rows_are_forgotten_in_parts(ana, monkeypatch):
    monkeypatch.setattr(forget, "MOST", 2)
    ids = session(ana, *(f"word{n}" for n in range(5)))
    lines = [Line("portrait", f"word{n}", (turn,)) for n, turn in enumerate(ids)]
    Memories(ana).propose(replace(MADE, lines=lines))
    assert forget_session(ana, 1) == 5
    assert list(traces(ana, ["word"])) == []


@pytest.mark.parametrize("everything", [False, True])
def test_a_kill_before_the_files_are_swept_is_made_up_for_at_the_next_start(
    tmp_path, monkeypatch, everything
):
    def killed(_: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "talks.db"
    with Conversations(path) as talks:
        ana = talks.of("ana")
        (turn,) = session(ana, "i live in timbuktu")
        with closing(sqlite3.connect(path)) as other, monkeypatch.context() as patched:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM turn").fetchone()  # so that the log stays
            patched.setattr(forget, "sweep", killed)
            with pytest.raises(KeyboardInterrupt):
                forget_person(ana) if everything else forget_turns(ana, [turn])
        held = Path(f"{path}-wal").read_bytes()
        assert b"timbuktu" in held
        with Conversations(path) as again:
            assert list(traces(again.of("ana"), ["timbuktu"])) == []
            assert not owed(again.engine)


def test_a_reader_who_keeps_the_file_busy_is_told_of_and_forgetting_is_made_up_for(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("duotempo.archive.engine.PATIENCE", 0.1)
    path = tmp_path / "talks.db"
    with Conversations(path) as talks:
        ana = talks.of("ana")
        session(ana, "i live in timbuktu")
        with closing(sqlite3.connect(path)) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM turn").fetchone()
            with pytest.raises(UserError, match="another process reads the file"):
                forget_person(ana)
        with pytest.raises(UserError, match="nobody of this name"):
            forget_person(ana)  # asked again, it sweeps
        assert list(traces(ana, ["timbuktu"])) == []


def test_what_was_made_of_something_forgotten_meanwhile_is_refused(ana):
    one, two = session(ana, "i live in timbuktu", "i like tea")
    memories = Memories(ana, ana.forgotten())
    forget_turns(ana, [one])
    with pytest.raises(UserError, match="forgotten while"):
        memories.note(1, [Note(1, "lives in timbuktu", (two,))])  # names the wrong source
    with pytest.raises(UserError, match="forgotten while"):
        memories.propose(replace(MADE, lines=[Line("portrait", "lives in timbuktu", (two,))]))
    assert list(traces(ana, ["timbuktu"])) == []


def test_who_was_forgotten_meanwhile_does_not_come_back(ana):
    session(ana, "i live in timbuktu")
    memories = Memories(ana, ana.forgotten())
    forget_person(ana)
    with pytest.raises(UserError, match="forgotten while"):
        memories.propose(replace(MADE, kept=False, reason="refused: 'timbuktu'"))
    assert ana.sessions() == []
    (turn,) = session(ana, "hello")  # in a file it has the number that the first turn had
    with pytest.raises(UserError, match="forgotten while"):
        memories.propose(replace(MADE, lines=[Line("portrait", "lives in timbuktu", (turn,))]))
    assert Memories(ana).versions() == []


@pytest.mark.parametrize("text", ["奥斯陆" * 1000, "oslo " * 2000, "奥斯陆" * 70])
def test_a_long_text_is_seen_in_the_file_that_holds_it_page_by_page(tmp_path, text):
    with Conversations(tmp_path / "talks.db") as talks:
        ana = talks.of("ana")
        (turn,) = session(ana, text)
        with closing(sqlite3.connect(tmp_path / "talks.db")) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert list(traces(ana, [text])) == ["turn.text", "talks.db"]
        forget_turns(ana, [turn])
        assert list(traces(ana, [text])) == []
