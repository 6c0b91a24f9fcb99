"""Progress and results: a live bar on a terminal, silence elsewhere, columns that line up."""

import io

import pytest
from rich.console import Console

from duotempo.cli import console
from duotempo.core import silent


@pytest.fixture
def terminal(monkeypatch):
    """A terminal that remembers what was written."""
    able = {"TERM": "xterm-256color"}  # whatever the terminal is that the tests were started from
    screen = Console(file=io.StringIO(), force_terminal=True, width=100, _environ=able)
    monkeypatch.setattr(console, "console", screen)
    return screen


def test_no_progress_where_there_is_no_terminal():
    with console.telling() as tell:
        assert tell is silent


def test_no_progress_when_quiet(terminal):
    with console.telling(quiet=True) as tell:
        assert tell is silent
    assert terminal.file.getvalue() == ""


def test_a_terminal_shows_what_is_done_and_how_much(terminal):
    with console.telling() as tell:
        tell("reading [a] text", 512, 2048)
        tell("sleep, pass 1", 3, 0)
        tell("reading [a] text", 1024, 2048)
    shown = terminal.file.getvalue()
    assert "reading [a] text" in shown
    assert "1024/2048" in shown


def test_what_may_change_is_shown_without_a_new_beginning(terminal, monkeypatch):
    begun = []
    monkeypatch.setattr(console.Progress, "reset", lambda *_, **__: begun.append(1))
    with console.telling() as tell:
        tell("reading x | 1 MB of state", 512, 2048)
        tell("reading x | 2 MB of state", 1024, 2048)
    assert len(begun) == 1
    assert "reading x | 2 MB of state" in terminal.file.getvalue()


def test_an_error_leaves_the_terminal_usable(terminal):
    def fail():
        with console.telling() as tell:
            tell("reading", 1, 2)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert "\x1b[?25h" in terminal.file.getvalue(), "the cursor is shown again"


def test_a_table_lines_its_facts_up():
    assert console.table({"a": "1", "long": "2"}) == "a     1\nlong  2"
    assert console.table({}) == ""


def test_text_ends_with_one_newline(capsys):
    console.show_text("a [b]\n\n")
    assert capsys.readouterr().out == "a [b]\n"
