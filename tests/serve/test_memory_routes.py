"""`/v1/memory`: what is remembered and why; back, away, out; and nobody else's."""

import json
from dataclasses import replace

import pytest
from sqlalchemy.exc import SQLAlchemyError

from duotempo.archive import export
from duotempo.archive.forget import traces
from duotempo.core import UserError
from tests.serve.served import EASY, SERVING, Door, Planted, Served, served, until

OSLO, REX = "I live in Oslo near the old Harbour.", "My dog is called Rex the third."


@pytest.fixture
def told(running: Served) -> Served:
    """Somebody who told two things in two sessions, and was slept on after each."""
    for text in (OSLO, REX):
        assert running.say(text).status_code == 200
        running.slept()
    return running


def get(running: Served, path: str, code: int = 200, **more: str) -> dict:
    """What a route says."""
    answer = running.web.get(f"/v1/memory{path}", **more)
    assert answer.status_code == code
    return answer.json()


def test_sentences_and_the_turns_under_them(told):
    memory = get(told, "")
    assert [each["text"] for each in memory["sentences"]] == [OSLO, REX]
    assert memory["version"] == 2
    assert memory["pending"] == []
    turns = get(told, "/sentences/2/evidence")["turns"]
    assert [turn["text"] for turn in turns] == [REX]
    assert turns[0]["id"] in memory["sentences"][1]["turns"]
    get(told, "/sentences/3/evidence", 404)


def test_a_reply_is_given_with_the_memory(told, planted):
    told.say("Where do I live?")
    _, memory, _ = planted.asked[-1]
    assert [line.text for line in memory] == [OSLO, REX]


def test_history_and_back(told):
    assert [v["number"] for v in get(told, "/versions")["versions"]] == [1, 2]
    assert [s["text"] for s in get(told, "/versions/1")["sentences"]] == [OSLO]
    again = told.web.post("/v1/memory/versions/1/restore").json()
    assert again["number"] == 3
    assert again["reason"] == "rolled back to version 1"
    assert [s["text"] for s in get(told, "")["sentences"]] == [OSLO]
    get(told, "/versions/9", 404)
    assert told.web.post("/v1/memory/versions/9/restore").status_code == 404


@pytest.mark.parametrize(
    ("path", "count"),
    [("/turns/1", 1), ("/sessions/1", 2), ("", 4)],
    ids=["turn", "session", "all"],
)
def test_what_is_forgotten_leaves_no_trace(told, path, count):
    assert told.web.delete(f"/v1/memory{path}").json() == {"forgotten": count}
    person = told.talks.of("me")
    left = ["Oslo"] if path == "/sessions/1" else ["I live in Oslo"]
    if path == "/turns/1":  # its echo is a turn of its own
        assert told.web.delete("/v1/memory/turns/2").status_code == 200
    assert list(traces(person, left)) == []
    assert OSLO not in told.web.get("/v1/memory").text


def test_what_is_not_there_is_not_forgotten(told):
    for path in ("/turns/99", "/sessions/9", f"/turns/{2**63 - 1}"):
        assert told.web.delete(f"/v1/memory{path}").status_code == 404
    assert told.web.delete("/v1/memory", params={"user": "nobody"}).status_code == 404


def test_a_client_that_still_sends_what_was_forgotten_does_not_bring_it_back(running):
    running.say(OSLO)
    running.web.delete("/v1/memory/turns/1")
    running.web.delete("/v1/memory/turns/2")
    running.say(OSLO, f"You said: {OSLO}", "And now?")
    assert running.said() == [None, None, "And now?", "You said: And now?"]


def test_everything_is_exported(told):
    lines = told.web.get("/v1/memory/export").text.splitlines()
    kinds = [json.loads(line)["kind"] for line in lines]
    assert sorted(set(kinds)) == ["note", "session", "turn", "version"]
    page = told.web.get("/v1/memory/export", params={"format": "markdown"})
    assert page.headers["content-type"].startswith("text/markdown")
    assert "## Session 2" in page.text


def test_sleep_is_asked_for_and_nobody_waits(tmp_path):
    door = Door()
    with served(tmp_path / "t.db", Planted(before_notes=door)) as running:
        running.say(OSLO)
        answer = running.web.post("/v1/memory/sleep")
        assert answer.status_code == 202
        assert door.reached.wait(10)
        assert get(running, "/sleep")["running"]
        assert get(running, "/sleep")["pending"] == [1]
        door.opened.set()
        until(lambda: not get(running, "/sleep")["running"])
        assert get(running, "/sleep") == {
            "running": False, "asked": False, "pending": [], "fault": ""
        }  # fmt: skip


def test_forgetting_cuts_a_sleep_off_that_reads_what_is_forgotten(tmp_path):
    door = Door()
    with served(tmp_path / "t.db", Planted(before_notes=door)) as running:
        running.say(OSLO)
        running.web.post("/v1/memory/sleep")
        assert door.reached.wait(10)
        gone = running.pool.submit(running.web.delete, "/v1/memory/sessions/1")
        until(lambda: running.state.sleeper._unwanted["me"] == 1)
        door.opened.set()
        assert gone.result(20).json() == {"forgotten": 2}
        running.slept()
        assert get(running, "")["sentences"] == []
        assert list(traces(running.talks.of("me"), ["Oslo"])) == []


def test_who_forgets_while_they_are_answered_does_not_take_every_thread(tmp_path):
    door = Door()
    limits = replace(EASY, waiting=3)
    with served(
        tmp_path / "t.db", Planted(before_reply=door), replace(SERVING, limits=limits)
    ) as running:
        held = [running.pool.submit(running.say, "hello")]
        assert door.reached.wait(10)
        held += [running.pool.submit(running.web.delete, "/v1/memory/turns/1") for _ in "ab"]
        until(lambda: running.state.doors._inside["me"] == 3)
        assert running.web.delete("/v1/memory/turns/1").status_code == 429
        door.opened.set()
        assert {each.result(20).status_code for each in held} == {200}


def test_the_token_says_whose_memory_it_is(shared):
    shared.say(OSLO, token="token-a", user="ben")  # the field names an end user of ana's, not ben
    shared.slept("ana")
    mine = {"Authorization": "Bearer token-a"}
    other = {"Authorization": "Bearer token-b"}
    assert OSLO in shared.web.get("/v1/memory", headers=mine).text
    for path in ("", "/versions", "/export", "/sleep"):
        answer = shared.web.get(f"/v1/memory{path}", headers=other)
        assert answer.status_code == 200
        assert "Oslo" not in answer.text
    assert get(shared, "", 403, headers=other, params={"user": "ana"})["error"]["message"]
    for path in ("/turns/1", "/sessions/1", ""):
        assert shared.web.delete(f"/v1/memory{path}", headers=other).status_code == 404
    assert shared.said("ana") == [OSLO, f"You said: {OSLO}"]


PATHS = (
    "../ana",
    "..%2f..%2fetc",
    "C:\\x",
    "a/b",
    "'; DROP TABLE turn; --",
    "${HOME}",
    "%00",
    "美",
)


@pytest.mark.parametrize("name", PATHS)
def test_a_user_who_looks_like_a_path_is_a_name_and_nothing_else(running, tmp_path, name):
    before = {path.name for path in tmp_path.parent.iterdir()}
    assert running.say("hello", user=name).status_code == 200
    assert running.said(name) == ["hello", "You said: hello"]
    assert running.said("ana") == []
    page = running.web.get("/v1/memory/export", params={"user": name})
    assert page.status_code == 200
    assert "hello" in page.text
    assert {path.name for path in tmp_path.parent.iterdir()} == before
    assert {path.name.split("-")[0] for path in tmp_path.iterdir()} == {"talks.db"}


def test_what_is_forgotten_while_an_export_goes_out_is_left_out_of_the_rest(told, monkeypatch):
    monkeypatch.setattr("duotempo.archive.export.PAGE", 1)
    pages = export.json_pages(told.talks.of("me"))
    assert json.loads(next(pages))["kind"] == "session"
    for turn in (1, 2):
        assert told.web.delete(f"/v1/memory/turns/{turn}").status_code == 200
    assert "Oslo" not in "".join(pages)


def test_an_export_from_a_database_that_is_gone_has_a_status_of_its_own(told, monkeypatch):
    def gone(person):
        raise UserError("gone") from SQLAlchemyError("gone")

    monkeypatch.setattr("duotempo.archive.export.known", gone)
    assert told.web.get("/v1/memory/export").status_code == 503
