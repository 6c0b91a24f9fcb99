"""Laws of the log of conversations: kept once acknowledged, in order, by person, for good."""

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import event, insert, text
from sqlalchemy.exc import DBAPIError

from duotempo.archive import Archive
from duotempo.archive.engine import writing
from duotempo.archive.forget import forget_turns
from duotempo.archive.people import Conversations
from duotempo.archive.tables import META, PERSON
from duotempo.archive.turns import LONGEST_TURN
from duotempo.core import UserError

ROOT = Path(__file__).parent.parent.parent
PATHS = ["../../etc/passwd", "a'; DROP TABLE turn; --", "名前", "a b", "%", "$HOME"]


def test_what_was_said_is_there_in_order_in_a_new_process(where, talks, ana):
    session = ana.begin()
    for n in range(5):
        ana.say(session, ("user", "assistant")[n % 2], f"line {n}")
    with Conversations(where) as again:
        turns = again.of(ana.name).turns(session)
    assert [t.text for t in turns] == [f"line {n}" for n in range(5)]
    assert [t.number for t in turns] == [1, 2, 3, 4, 5]
    assert list(ana.faults()) == []


@pytest.mark.parametrize("name", PATHS)
def test_any_text_of_one_line_is_a_name_and_nothing_else(talks, ana, name):
    one = talks.of(f"{name}{ana.name}")
    one.say(one.begin(), "user", "mine")
    assert [turn.text for turn in one.turns()] == ["mine"]
    assert talks.of(ana.name).turns() == []


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "x" * 201])
def test_what_is_no_name_is_refused(talks, name):
    with pytest.raises(UserError, match="a user's name"):
        talks.of(name)


@pytest.mark.parametrize(
    ("role", "said"), [("robot", "x"), ("user", ""), ("user", "a\0"), ("user", "x" * 100_001)]
)
def test_what_is_no_turn_is_refused_and_changes_nothing(ana, role, said):
    session = ana.begin()
    with pytest.raises(UserError, match="a turn is said by"):
        ana.say(session, role, said)
    assert ana.turns() == []
    ana.say(session, "user", "x" * LONGEST_TURN)


def test_nothing_is_said_in_a_session_that_is_over_or_is_not_there(ana):
    session = ana.begin()
    ana.say(session, "user", "hello")
    ana.end(session)
    ana.end(session)
    for number, said in ((session, "is over"), (session + 1, "no session")):
        with pytest.raises(UserError, match=said):
            ana.say(number, "user", "more")


def test_what_is_heard_together_begins_a_session_at_once_or_not_at_all(talks, ana):
    first = ana.tell("user", "one").session
    commits: list[bool] = []
    event.listen(talks.engine, "commit", lambda _: commits.append(True))
    turns = ana.hear([("user", "two"), ("assistant", "three")], over=first)
    assert len(commits) == 1
    assert [(t.session, t.number, t.text) for t in turns] == [(2, 1, "two"), (2, 2, "three")]
    with pytest.raises(UserError, match="a turn is said by"):
        ana.hear([("user", "four"), ("nobody", "five")], over=2)
    with pytest.raises(UserError, match="there is no session 7"):
        ana.hear([("user", "four")], over=7)
    assert [(s.number, s.ended is None) for s in ana.sessions()] == [(1, False), (2, True)]
    assert [t.text for t in ana.turns()] == ["one", "two", "three"]
    assert not list(ana.faults())


def test_a_turn_is_never_rewritten_not_even_by_hand(talks, ana):
    ana.say(ana.begin(), "user", "i live in oslo")
    with pytest.raises((UserError, DBAPIError)), writing(talks.engine) as db:
        db.execute(text("UPDATE turn SET text = 'i live in rome'"))
    assert [turn.text for turn in ana.turns()] == ["i live in oslo"]


def test_a_turn_changed_behind_the_databases_back_is_told(tmp_path):
    with Conversations(tmp_path / "a.db") as talks:
        ana = talks.of("ana")
        session = ana.begin()
        for said in ("one", "two", "three"):
            ana.say(session, "user", said)
        with writing(talks.engine) as db:
            db.execute(text("DROP TRIGGER turn_stays"))
            db.execute(text("UPDATE turn SET text = 'too' WHERE number = 2"))
        assert list(ana.faults()) == ["turn 2 was changed: go back to a saved copy"]


def test_many_threads_and_two_archives_lose_and_mix_nothing(where, talks, ana):
    with Conversations(where) as other:
        people = [talks.of(f"{ana.name}-{n}") for n in range(4)]
        people += [other.of(f"{ana.name}-{n}") for n in range(4)]
        sessions = {person.name: talks.of(person.name).begin() for person in people[:4]}

        def speak(person) -> None:
            for n in range(15):
                person.say(sessions[person.name], "user", f"{person.name} says {n}")

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(speak, people))
    for person in people[:4]:
        turns = person.turns()
        assert [turn.number for turn in turns] == list(range(1, 31))
        assert all((turn.text or "").startswith(f"{person.name} says") for turn in turns)
        assert list(person.faults()) == []


def test_every_question_to_the_database_names_its_user(talks, ana):
    """Isolation by construction: no statement on an owned table without a person in it."""
    seen: list[str] = []
    event.listen(talks.engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    session = ana.begin()
    ana.say(session, "user", "hello")
    ana.turns(session)
    ana.sessions()
    ana.end(session)
    list(ana.faults())
    owned = [table.name for table in META.sorted_tables if table is not PERSON]
    touching = [
        s for s in seen if any(f" {name}" in s for name in owned) and not s.startswith("PRAGMA")
    ]
    assert touching
    assert all("person" in statement for statement in touching)
    reads = [s for s in touching if s.lstrip().startswith("SELECT")]
    where = [statement.partition("WHERE")[2] for statement in reads]
    assert all("person = " in each or "person.name = " in each for each in where)


def test_no_row_can_point_to_another_persons(talks, ana):
    one = ana.begin()
    ana.say(one, "user", "hello")
    other = talks.of(f"{ana.name}-other")
    other.say(other.begin(), "user", "hi")
    with writing(talks.engine) as db:
        mine, theirs = ana.id(db), other.turns()[0].id
    table = META.tables["note_turn"]
    with pytest.raises((UserError, DBAPIError)), writing(talks.engine) as db:
        db.execute(insert(table).values(person=mine, note=1, turn=theirs))


def test_acknowledged_turns_outlive_a_kill(where, ana):
    """A process that is killed while it writes has lost nothing that it was told is kept."""
    command = [sys.executable, "-m", "tests.archive.speaking", where, ana.name]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        heard = [child.stdout.readline() for _ in range(20)]
        child.kill()
        heard += child.stdout.read().splitlines(keepends=True)
    numbers = [int(line) for line in heard if line.endswith("\n")]
    with Conversations(where) as talks:
        person = talks.of(ana.name)
        said = [turn.text for turn in person.turns()]
        assert said[: len(numbers)] == [f"line {n}" for n in numbers]
        assert len(said) - len(numbers) in (0, 1)  # one may be kept and not yet acknowledged
        assert list(person.faults()) == []


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("mysql://u@h/d", "no database for conversations"),
        ("postgresql://nobody@127.0.0.1:1/none", "cannot be reached"),
        ("no/such/folder/x.db", "cannot be opened"),
        ("://", "no address"),
    ],
)
def test_what_is_no_place_is_refused_in_a_sentence(place, said):
    with pytest.raises(UserError, match=said):
        Conversations(place)


def test_another_programs_file_and_a_later_version_are_refused(tmp_path):
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(UserError, match="is not an archive"):
        Conversations(tmp_path / "text.db")
    with Conversations(tmp_path / "a.db") as talks, writing(talks.engine) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="later Duotempo"):
        Conversations(tmp_path / "a.db")


def test_another_programs_database_is_not_touched(tmp_path):
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE alembic_version (version_num)")
    before = path.read_bytes()
    with pytest.raises(UserError, match="another program's database"):
        Conversations(path)
    assert path.read_bytes() == before
    Archive.open(tmp_path / "read.db").close()
    with pytest.raises(UserError, match="an archive of what was read"):
        Conversations(tmp_path / "read.db")


def test_a_file_is_for_its_owners_eyes_and_any_path_is_one(tmp_path):
    path = tmp_path / "who?what=%41#.db"
    with Conversations(path) as talks:
        ana = talks.of("ana")
        ana.say(ana.begin(), "user", "hello")
        modes = {each.name: each.stat().st_mode & 0o077 for each in tmp_path.iterdir()}
    assert modes == {path.name + end: 0 for end in ("", "-wal", "-shm")}


def test_half_a_character_and_a_number_beyond_all_ids_are_refused(ana):
    session = ana.begin()
    with pytest.raises(UserError, match="whole characters"):
        ana.say(session, "user", "caf\udce9")
    with pytest.raises(UserError, match=r"larger than any id|not there"):
        forget_turns(ana, [10**30])


def test_a_session_may_have_begun_before_now(ana):
    now = ana.begin()
    then = ana.begin(86_400.0)
    begun = {session.number: session.begun for session in ana.sessions()}
    assert begun[then] == 86_400.0
    assert begun[now] > 1.7e9
