"""The official OpenAI client against the server: replies at once and in pieces, what is kept."""

import json

import openai
import pytest

from duotempo.core import UserError
from tests.serve.served import Door, Planted, served, until

OSLO = "I live in Oslo near the old Harbour."


def test_a_reply_at_once_and_both_turns_are_kept(running):
    with running.client() as client:
        said = client.chat.completions.create(
            model="gpt-4o", messages=[{"role": "user", "content": OSLO}], temperature=0.3
        )
    assert said.choices[0].message.content == f"You said: {OSLO}"
    assert said.choices[0].finish_reason == "stop"
    assert said.model == "echo"
    assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens
    assert running.said() == [OSLO, f"You said: {OSLO}"]


def test_a_reply_in_pieces_is_on_disk_before_its_end(running):
    with running.client() as client:
        stream = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": OSLO}], stream=True,
            stream_options={"include_usage": True},
        )  # fmt: skip
        pieces, at_the_end, usage = [], None, None
        for chunk in stream:
            if not chunk.choices:
                usage = chunk.usage
                continue
            pieces.append(chunk.choices[0].delta.content or "")
            if chunk.choices[0].finish_reason:
                at_the_end = running.said()
    assert "".join(pieces) == f"You said: {OSLO}"
    assert len([piece for piece in pieces if piece]) == len(OSLO.split()) + 2
    assert at_the_end == [OSLO, f"You said: {OSLO}"]
    assert usage is not None


def test_a_model_that_cannot_stream_is_heard_in_one_piece(tmp_path):
    class Whole(Planted):
        stream = None  # type: ignore[assignment]

    with served(tmp_path / "t.db", Whole()) as running:
        lines = running.say("hello", stream=True).text.split("\n\n")
    assert [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in lines[:2]] == [
        "",
        "You said: hello",
    ]
    assert lines[-2:] == ["data: [DONE]", ""]


def test_only_new_turns_are_kept_and_another_conversation_is_another_session(running):
    running.say("one")
    running.say("one", "You said: one", "two")
    assert running.said() == ["one", "You said: one", "two", "You said: two"]
    running.say("three")
    running.say("one", "You said: one", "two", "You said: two", "four")
    person = running.talks.of("me")
    assert [turn.text for turn in person.turns(3)] == ["four", "You said: four"]
    assert [each.ended is not None for each in person.sessions()] == [True, True, False]


def test_a_header_begins_a_new_session(running):
    running.say("one")
    running.say("one", "You said: one", "two", headers={"X-Duotempo-Session": "new"})
    person = running.talks.of("me")
    assert [turn.text for turn in person.turns(2)] == ["two", "You said: two"]
    assert running.say("x", headers={"X-Duotempo-Session": "old"}).status_code == 422


def test_the_model_reads_what_the_client_sent(running, planted):
    running.say("one")
    running.post(
        [
            {"role": "developer", "content": "Answer in rhymes."},
            {"role": "user", "content": [{"type": "text", "text": "two"}]},
        ]
    )
    name, _, read = planted.asked[-1]
    assert name == "me"
    assert [(turn.role, turn.text) for turn in read] == [
        ("system", "Answer in rhymes."),
        ("user", "two"),
    ]


def test_system_messages_are_neither_kept_nor_noted(running):
    running.post(
        [{"role": "system", "content": "Secret recipe."}, {"role": "user", "content": OSLO}]
    )
    running.slept()
    assert "Secret" not in running.web.get("/v1/memory/export").text
    assert OSLO in running.web.get("/v1/memory").text


def test_the_users_turn_is_on_disk_before_the_model_is_asked(tmp_path):
    seen: list[list[str | None]] = []
    model = Planted(before_reply=lambda: seen.append(running.said()))
    with served(tmp_path / "t.db", model) as running:
        running.say("one")
    assert seen == [["one"]]


def down() -> None:
    """What an endpoint that does not answer does."""
    raise UserError("http://nowhere/v1 did not answer")


@pytest.mark.parametrize("stream", [False, True])
def test_a_failing_model_is_told_of_and_the_turn_is_kept_once(tmp_path, stream):
    with served(tmp_path / "t.db", Planted(before_reply=down)) as running:
        for _ in range(2):
            answer = running.say("one", stream=stream)
            assert answer.status_code == 502
            assert "did not answer, your turn is kept" in answer.json()["error"]["message"]
        assert running.said() == ["one"]
        with running.client() as client, pytest.raises(openai.InternalServerError):
            client.chat.completions.create(
                model="any", messages=[{"role": "user", "content": "one"}]
            )


def test_a_stream_that_breaks_says_so_and_keeps_no_half_reply(tmp_path):
    class Breaking(Planted):
        def stream(self, name, memory, turns):
            yield "Half "
            down()

    with served(tmp_path / "t.db", Breaking()) as running, running.client() as client:
        stream = client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "one"}], stream=True
        )
        with pytest.raises(openai.APIError, match="did not answer"):
            list(stream)
        assert running.said() == ["one"]


def test_a_reader_who_leaves_ends_the_reply_and_the_next_request_is_answered(tmp_path):
    class Endless(Planted):
        def stream(self, name, memory, turns):
            if turns[-1].text != "one":
                return iter([self.reply(name, memory, turns)])
            return iter(lambda: "and on ", "")

    with served(tmp_path / "t.db", Endless()) as running:
        body = {"model": "m", "messages": [{"role": "user", "content": "one"}], "stream": True}
        with running.web.stream("POST", "/v1/chat/completions", json=body) as answer:
            next(answer.iter_lines())
        assert running.say("two", stream=True).status_code == 200
        assert running.said() == ["one", "two", "You said: two"]


def test_one_persons_requests_are_answered_one_after_the_other(tmp_path):
    door = Door()
    with served(tmp_path / "t.db", Planted(before_reply=door)) as running:
        one = running.pool.submit(running.say, "one")
        assert door.reached.wait(10)
        two = running.pool.submit(running.say, "two")
        other = running.pool.submit(running.say, "other", user="ben")
        until(lambda: running.said("ben") == ["other"])
        assert running.said() == ["one"]
        door.opened.set()
        assert {each.result(10).status_code for each in (one, two, other)} == {200}
        assert running.said() == ["one", "You said: one", "two", "You said: two"]


@pytest.mark.parametrize("empty", ["", None])
def test_a_reply_that_was_stopped_at_once_does_not_end_a_conversation(running, empty):
    running.say("one")
    stopped = [
        {"role": "system", "content": ""},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": empty},
        {"role": "user", "content": "two"},
    ]
    assert running.post(stopped).status_code == 200
    assert running.said()[-2:] == ["two", "You said: two"]
    assert "" not in running.said()


def test_the_models_are_one(running):
    with running.client() as client:
        assert [model.id for model in client.models.list()] == ["echo"]
        assert client.models.retrieve("echo").id == "echo"
        with pytest.raises(openai.NotFoundError, match="answers is echo"):
            client.models.retrieve("org/other")
