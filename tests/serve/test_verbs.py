"""The verbs that chat, MCP and HTTP share: plain texts, data that cannot leave its marks."""

import subprocess
import sys
from dataclasses import replace

import pytest

from duotempo.archive.people import Conversations
from duotempo.converse.conversation import Conversation
from duotempo.converse.invented import Invented, questions
from duotempo.core import UserError
from duotempo.serve import verbs


@pytest.fixture
def talk(tmp_path):
    """Ana, and the oracle for a model."""
    with Conversations(tmp_path / "talks.db") as talks:
        yield Conversation(talks.of("ana"), Invented(), prober=questions)


def test_they_need_neither_a_server_nor_torch():
    lines = ["import duotempo.serve.verbs, sys"]
    lines += [f"assert {name!r} not in sys.modules" for name in ("torch", "mcp", "fastapi")]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=60)


def test_turns_share_the_session_that_is_open(talk):
    assert verbs.remember(talk, "user", "i live in oslo .") == "kept as turn 1 of session 1"
    assert verbs.remember(talk, "assistant", "i see .") == "kept as turn 2 of session 1"
    talk.end()
    assert verbs.remember(talk, "user", "hello .") == "kept as turn 3 of session 2"


@pytest.mark.parametrize("text", ["", "a\0", "caf\udce9"])
def test_what_is_no_turn_begins_no_session(talk, text):
    for say in (lambda: verbs.remember(talk, "user", text), lambda: talk.say(text)):
        with pytest.raises(UserError, match="a turn is"):
            say()
    assert talk.person.sessions() == []


def test_a_sleep_tells_how_far_it_is_and_what_came_of_it(talk):
    for text in ("i live in oslo .", "i like tea ."):
        verbs.remember(talk, "user", text)
        talk.end()
    told = []
    made = verbs.sleep(talk, tell=lambda *step: told.append(step))
    assert told == [("remembering", 1, 2), ("remembering", 2, 2)]
    assert [line.split(":")[0] for line in made.splitlines()] == ["memory 1", "memory 2"]
    assert verbs.sleep(talk) == ""


def test_a_session_that_could_not_be_noted_is_told_of(talk):
    verbs.remember(talk, "user", "i live in oslo .")
    talk.end()
    mute = replace(talk, model=Invented(lambda _: "on and on"))
    assert verbs.sleep(mute).splitlines()[-1] == (
        "session 1 is not noted, after 1 tries: it did not come to an end"
    )
    assert "not noted" not in verbs.sleep(talk)


def test_words_are_found_where_no_spaces_stand_between_them(talk):
    for text in ("我的狗叫雷克斯", "我住在奥斯陆"):
        verbs.remember(talk, "user", text)
    assert verbs.recall(talk, "奥斯陆在哪里？").splitlines()[2:-1] == [
        "turn 2, session 1, user: 我住在奥斯陆"
    ]


def test_a_forgotten_turn_is_shown_as_that(talk):
    for text in ("i live in oslo .", "i live in oslo ."):
        verbs.remember(talk, "user", text)
    assert "forgotten: 1 turns" in verbs.forget_turn(talk, 1)
    (turn, _) = talk.person.turns()
    assert verbs.spoken(turn) == "turn 1, session 1, user: (forgotten)"
    with pytest.raises(UserError, match="nothing was forgotten"):
        verbs.forget_turn(talk, 99)


def test_nothing_is_shown_as_a_sentence(talk):
    assert verbs.memory(talk) == verbs.NOTHING
    assert verbs.history(talk) == "no version yet"
    assert verbs.data(("memory", ""), ("said", "")) == verbs.NOTHING
    with pytest.raises(UserError, match="the memory has 0"):
        verbs.why(talk, 1)
