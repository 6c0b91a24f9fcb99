"""A request in which nobody says anything leaves nothing; one whose session ends goes on."""

import pytest

from duotempo.archive.forget import forget_turns
from duotempo.archive.people import Conversations
from tests.serve.served import Planted, served

SYSTEM = {"role": "system", "content": "Greet the user in one line."}
EMPTY = {"role": "assistant", "content": ""}


@pytest.mark.parametrize("messages", [[SYSTEM], [SYSTEM, EMPTY]], ids=["system", "and empty"])
@pytest.mark.parametrize("stream", [False, True])
def test_a_request_of_the_system_alone_is_answered_and_leaves_nothing(running, messages, stream):
    answer = running.post(messages, stream=stream)
    assert answer.status_code == 200
    assert "Greet" in answer.text
    assert running.talks.people() == 0
    assert running.talks.of("me").sessions() == []


@pytest.mark.parametrize("header", [{}, {"X-Duotempo-Session": "new"}])
def test_it_does_not_end_the_session_that_is_open(running, header):
    running.say("one")
    running.post([SYSTEM], headers=header)
    running.say("one", "You said: one", "two")
    assert len(running.talks.of("me").sessions()) == 1
    assert running.said() == ["one", "You said: one", "two", "You said: two"]


def test_a_client_that_goes_on_from_such_a_greeting_is_kept_whole(running):
    greeting = running.post([SYSTEM]).json()["choices"][0]["message"]
    running.post([SYSTEM, greeting, {"role": "user", "content": "Good day."}])
    assert running.said() == [greeting["content"], "Good day.", "You said: Good day."]


def test_a_session_that_another_process_ends_during_a_reply_loses_nothing(tmp_path):
    def end() -> None:
        with Conversations(tmp_path / "t.db") as other:
            other.of("me").end_open()

    with served(tmp_path / "t.db", Planted(before_reply=end)) as running:
        for stream in (False, True):
            assert running.say("one", stream=stream).status_code == 200
        assert running.say("one", "You said: one", "two").status_code == 200
        texts = running.said()
    assert texts.count("You said: one") == 2
    assert texts[-2:] == ["two", "You said: two"]


def test_a_reply_to_what_another_process_forgets_meanwhile_is_not_kept(tmp_path):
    def forget() -> None:
        with Conversations(tmp_path / "t.db") as other:
            forget_turns(other.of("me"), [1])

    with served(tmp_path / "t.db", Planted(before_reply=forget)) as running:
        answer = running.say("i live in timbuktu")
        assert answer.status_code == 503
        assert "forgotten while" in answer.json()["error"]["message"]
        assert running.said() == [None]


def test_a_reply_that_cannot_be_kept_is_the_models_fault(tmp_path):
    class Odd(Planted):
        def reply(self, name, memory, turns):
            return "a\0b"

    with served(tmp_path / "t.db", Odd()) as running:
        answer = running.say("one")
        assert answer.status_code == 502
        assert running.said() == ["one"]
