"""The command `chat`: it remembers across runs, shows why, rolls back, forgets, refuses clearly."""

import io

import pytest

from duotempo.archive.people import Conversations
from duotempo.cli.app import run
from duotempo.converse.invented import Invented
from duotempo.core import UserError


@pytest.fixture
def talk(tmp_path, monkeypatch, capsys):
    """Type lines into `duotempo chat` as somebody, with the oracle for a model; output, errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("duotempo.reader.memory_models.memory_model", lambda *_: Invented())

    def call(*typed: str, user: str = "ana", code: int = 0):
        monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{line}\n" for line in typed)))
        assert run(["chat", "--user", user, "--quiet"]) == code
        return capsys.readouterr()

    return call


def test_it_remembers_across_runs_and_shows_why(talk):
    assert talk("i live in oslo .", "/bye").out == "i see .\n"
    out = talk("where do i live ?", "/memory", "/why 1").out.splitlines()
    assert out[0] == "you live in oslo ."
    assert out[1] == "1  [portrait] ana lives in oslo @1"
    assert out[2] == "turn 1, session 1, user: i live in oslo ."


def test_nobody_sees_another_persons(talk):
    talk("i live in oslo .")
    assert talk("where do i live ?", user="ben").out == "you did not tell me .\n"


def test_a_memory_is_rolled_back_and_its_history_shown(talk):
    talk("i live in oslo .")
    talk("i live in rome .")
    said = talk("/rollback 1", "/memory", "/history")
    lines = said.out.splitlines()
    assert "ana lives in oslo @1" in lines[1]
    assert "rolled back to version 1" in lines[-1]
    assert len(lines) == 5


@pytest.mark.parametrize("command", ["/forget 1", "/forget session 1", "/forget all"])
def test_what_is_forgotten_is_asked_in_vain(talk, command, tmp_path):
    talk("i live in oslo .")
    said = talk(command, "/memory", "where do i live ?")
    assert "you did not tell me ." in said.out
    assert "ana lives in oslo" not in said.out
    raw = b"".join(path.read_bytes() for path in (tmp_path / "runs" / "chat").iterdir())
    assert b"oslo" not in raw


def test_a_session_ends_where_it_is_asked_to(talk):
    said = talk("i live in oslo .", "/sleep", "/memory")
    assert "ana lives in oslo" in said.out
    assert "memory 1: kept" in said.err


def test_what_is_no_command_is_helped_with_and_mistakes_end_nothing(talk):
    said = talk(
        "/dance", "/why 9", "/why x", "/why ²", "/rollback 7", "/forget 5", "i live in oslo ."
    )
    assert "/rollback N" in said.out
    for sentence in ("no sentence 9", "needs a number", "no version 7", "nothing was forgotten"):
        assert sentence in said.err
    assert said.out.endswith("i see .\n")


def test_on_a_terminal_a_failing_model_ends_nothing(talk, monkeypatch):
    def down(*_: object) -> str:
        raise UserError("nobody answers")

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(Invented, "reply", down)
    assert "nobody answers" in talk("i live in oslo .", "/bye", code=2).err
    monkeypatch.setattr(io, "StringIO", Terminal)
    said = talk("i live in oslo .", "/dance", code=2)  # the sleep at the end fails too
    assert "nobody answers" in said.err
    assert "/rollback N" in said.out


def test_what_was_said_does_not_command_the_terminal(talk):
    said = talk("\x1b]0;owned\x07 hello", "/export").out
    assert "\ufffd]0;owned\ufffd hello" in said
    assert "\x1b" not in said


def test_everything_is_exported(talk):
    said = talk("i live in oslo .", "/sleep", "/export").out
    assert "## Session 1" in said
    assert "(turns 1)" in said


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--user", "a\nb"), "a user's name"),
        (("--store", "mysql://h/d"), "no database for conversations"),
        (("--json",), "no JSON form"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(talk, capsys, options, said):
    assert run(["chat", *options]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert "Traceback" not in err


def test_what_was_said_before_a_crash_is_there(talk, tmp_path, monkeypatch):
    def crash(prompt: str) -> str:
        raise MemoryError

    monkeypatch.setattr("duotempo.reader.memory_models.memory_model", lambda *_: Invented(crash))
    talk("i live in oslo .", code=1)
    with Conversations(tmp_path / "runs" / "chat" / "talks.db") as talks:
        assert [turn.text for turn in talks.of("ana").turns()] == ["i live in oslo ."]
