"""Every bad request gets a status and one sentence in OpenAI's shape; tokens, rates, sizes."""

import json
import sqlite3
from contextlib import closing
from threading import Event
from typing import Any

import pytest
from sqlalchemy import text as sql
from sqlalchemy.event import listen

from duotempo.archive.engine import writing
from duotempo.archive.turns import LONGEST_TURN
from duotempo.converse.invented import Invented
from duotempo.core import UserError
from duotempo.serve.errors import Refused
from duotempo.serve.limits import Limits, Rates
from duotempo.serve.tokens import Tokens
from tests.serve.served import Door, Planted, limited, served, until

GOOD = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


def refused(answer, code: int, said: str) -> None:
    """An answer is an error in OpenAI's shape with a sentence."""
    assert answer.status_code == code, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert said in error["message"]
    assert "Traceback" not in answer.text


BODIES = {
    "no JSON": (b"{", 400, "no JSON"),
    "no UTF-8": (b'{"model": "\xff"}', 400, "no JSON in UTF-8"),
    "empty": (b"", 422, "required"),
    "a list": (b"[]", 422, "valid"),
    "deep": (b"[" * 100_000, 400, "no JSON"),
    "half a character": (
        b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}',
        422,
        "",
    ),
}
BAD = {
    "no messages": ({"messages": []}, "at least 1"),
    "unknown role": ({"messages": [{"role": "tool", "content": "x"}]}, "role of a message"),
    "no content": ({"messages": [{"role": "user", "content": ""}]}, "content"),
    "NUL": ({"messages": [{"role": "user", "content": "a\0b"}]}, "content"),
    "too long": ({"messages": [{"role": "user", "content": "a" * (LONGEST_TURN + 1)}]}, "content"),
    "an image": (
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
        "content",
    ),
    "an empty part": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": ""}]}]},
        "messages.0.content: ",
    ),
    "no tokens": ({"max_tokens": 0}, "max_tokens"),
    "two replies": ({"n": 2}, "leave out n"),
    "tools": ({"tools": [{"type": "function"}]}, "tools are not passed on"),
    "JSON replies": ({"response_format": {"type": "json_object"}}, "replies are text"),
    "logprobs": ({"logprobs": True}, "no logprobs"),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_request(running, name):
    body, code, said = BODIES[name]
    headers = {"content-type": "application/json"}
    refused(running.web.post("/v1/chat/completions", content=body, headers=headers), code, said)


@pytest.mark.parametrize("name", BAD)
def test_a_request_that_is_not_understood(running, name):
    change, said = BAD[name]
    refused(running.web.post("/v1/chat/completions", json={**GOOD, **change}), 422, said)
    assert running.said() == []


def test_parts_that_are_too_long_together(running):
    parts = [{"type": "text", "text": "a" * LONGEST_TURN}] * 2
    refused(running.post([{"role": "user", "content": parts}]), 413, "characters")


def test_unknown_paths_and_methods(running):
    refused(running.web.get("/v1/nothing"), 404, "Not Found")
    refused(running.web.get("/v1/../etc/passwd"), 404, "Not Found")
    refused(running.web.put("/v1/models"), 405, "Not Allowed")


def test_a_request_that_is_too_large(tmp_path):
    with served(tmp_path / "t.db", serving=limited(body=1000)) as running:
        refused(running.say("a" * 2000), 413, "at most 1000 bytes")
        pieces = iter([b" " * 600, b" " * 600])  # says nothing of its length
        headers = {"content-type": "application/json"}
        answer = running.web.post("/v1/chat/completions", content=pieces, headers=headers)
        refused(answer, 413, "at most 1000 bytes")
        assert running.say("a").status_code == 200


def test_who_asks_too_often_waits_and_nobody_else(tmp_path):
    with served(tmp_path / "t.db", serving=limited(rate=0.5, burst=2)) as running:
        assert [running.say("a", user="ana").status_code for _ in "ab"] == [200, 200]
        answer = running.say("a", user="ana")
        refused(answer, 429, "more than 0.5 requests a second")
        assert answer.headers["Retry-After"] == "2"
        refused(running.web.get("/v1/memory", params={"user": "ana"}), 429, "requests")
        assert running.say("a", user="ben").status_code == 200


def test_a_bucket_fills_with_time():
    now = [0.0]
    rates = Rates(Limits(rate=2.0, burst=3), lambda: now[0])
    for _ in range(3):
        rates.take("ana")
    with pytest.raises(Refused) as error:
        rates.take("ana")
    assert error.value.after == pytest.approx(0.5)
    now[0] = 0.5
    rates.take("ana")
    with pytest.raises(Refused):
        rates.take("ana")


def test_who_waits_too_often_at_once_is_refused_and_so_is_one_too_many(tmp_path):
    door = Door()
    with served(tmp_path / "t.db", Planted(before_reply=door), limited(waiting=2, replies=3)) as it:
        held = [it.pool.submit(it.say, str(n), user="ana") for n in range(2)]
        assert door.reached.wait(10)
        until(lambda: it.state.doors._inside["ana"] == 2)
        refused(it.say("x", user="ana"), 429, "still being answered")
        held.append(it.pool.submit(it.say, "y", user="ben"))
        until(lambda: it.state.doors._inside["ben"] == 1)
        refused(it.say("z", user="cid"), 503, "busy")
        assert it.web.get("/health").status_code == 200
        door.opened.set()
        assert {each.result(10).status_code for each in held} == {200}
        assert it.say("z", user="cid").status_code == 200


@pytest.mark.parametrize("header", [None, "token-a", "Bearer", "Bearer x", "Basic token-a"])
def test_without_a_token_nothing_is_answered(shared, header):
    headers = {"Authorization": header} if header else {}
    for method, path in (("GET", "/v1/models"), ("GET", "/v1/memory"), ("DELETE", "/v1/memory")):
        answer = shared.web.request(method, path, headers=headers)
        refused(answer, 401, "Authorization: Bearer TOKEN")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    refused(shared.web.post("/v1/chat/completions", json=GOOD, headers=headers), 401, "token")


@pytest.mark.parametrize(
    "headers", [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"host": "[x"}]
)
def test_without_tokens_no_web_page_of_elsewhere_is_answered(running, headers):
    refused(running.web.get("/v1/memory", headers=headers), 403, "programs of its machine")
    local = {"host": "localhost:1", "origin": "http://127.0.0.1:3000"}
    assert running.web.get("/v1/memory", headers=local).status_code == 200


@pytest.mark.parametrize("name", ["a\nb", " ", "a\u200bb"])
def test_what_is_no_name_is_refused(running, name):
    refused(running.say("hello", user=name), 403, "user's name")


def test_a_database_that_is_held_or_fails_is_told_of(tmp_path):
    with served(tmp_path / "t.db") as running:
        with writing(running.talks.engine) as db:
            db.execute(sql("ALTER TABLE turn RENAME TO other"))
        answer = running.say("hello")
        refused(answer, 503, "the database does not answer")
        assert answer.headers["Retry-After"] == "1"
        assert "hello" not in answer.text


def test_a_full_disk_is_told_of(tmp_path):
    with served(tmp_path / "t.db") as running:
        with running.talks.engine.connect() as db:
            pages = db.scalar(sql("PRAGMA page_count"))

        def full(connection: Any, *_: Any) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        listen(running.talks.engine, "checkout", full)
        refused(running.say("hello " * 5000), 503, "the disk is full")


def test_a_database_that_is_held_while_somebody_forgets_is_told_of(tmp_path, monkeypatch):
    monkeypatch.setattr("duotempo.archive.engine.PATIENCE", 0.1)
    with served(tmp_path / "t.db") as running:
        running.say("hello")
        with closing(sqlite3.connect(tmp_path / "t.db")) as other:
            other.execute("BEGIN")
            other.execute("SELECT count(*) FROM turn").fetchone()
            refused(running.web.delete("/v1/memory/turns/1"), 503, "another process reads")


def test_a_reply_that_cannot_be_read_is_told_of(tmp_path):
    with served(tmp_path / "t.db", Invented(lambda _: "it goes on and on")) as running:
        refused(running.say("hello"), 502, "it did not come to an end")


def test_an_unexpected_error_is_told_of_without_its_words(tmp_path):
    failed = Event()

    def fail() -> None:
        failed.set()
        raise RuntimeError("secret")

    with served(tmp_path / "t.db", Planted(before_reply=fail)) as running:
        refused(running.say("hello"), 500, "its log says how")
        assert failed.is_set()
        assert running.said() == ["hello"]


def test_tokens_are_read_as_lines_or_json_and_refused_with_a_reason(tmp_path):
    path = tmp_path / "tokens"
    path.touch(0o600)
    path.write_text("# who\ntoken-a ana\n\ntoken-b Ben B\n")
    assert Tokens.read(path).user("Bearer token-b") == "Ben B"
    path.write_text(json.dumps({"token-a": "ana"}))
    assert Tokens.read(path).user("bearer token-a") == "ana"
    for text, said in (
        ("a ana\na ben", "twice"),
        ('{"a": "ana", "a": "ben"}', "twice"),
        ("a", "lines of"),
        ("{", "lines of"),
        ('{"a": 1}', "lines of"),
        ("", "one or more"),
    ):
        path.write_text(text)
        with pytest.raises(UserError, match=said):
            Tokens.read(path)
    path.chmod(0o644)
    with pytest.raises(UserError, match="others may read"):
        Tokens.read(path)
