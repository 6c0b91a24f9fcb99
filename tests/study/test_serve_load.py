"""The load on the server: what counts as lost, and claims that a loss or a slow server break."""

from duotempo.archive.people import Conversations
from duotempo.study.base import Row
from duotempo.study.serve_client import Caller, lost
from duotempo.study.serve_load import ServeLoad


def test_a_turn_that_is_missing_or_out_of_order_is_lost(tmp_path):
    where = str(tmp_path / "t.db")
    with Conversations(where) as talks:
        person = talks.of("ana")
        session = person.begin()
        for text in ("a", "b", "c"):
            person.say(session, "user", text)
    assert lost(where, [Caller("ana", acknowledged=["a", "b", "c"])]) == 0
    assert lost(where, [Caller("ana", acknowledged=["a", "x", "c"])]) == 1
    assert lost(where, [Caller("ana", acknowledged=["b", "a"])]) == 1
    assert lost(where, [Caller("ben", acknowledged=["a"])]) == 1


def test_claims_break_where_they_should():
    rows = [
        Row("load, sqlite", 1, "p50", None, 9.0),
        Row("load, sqlite", 1, "p99", None, 25.0),
        Row("load, sqlite", 1, "lost", None, 0.0),
        Row("kill, sqlite", 1, "lost", None, 1.0),
    ]
    assert [claim.holds for claim in ServeLoad().claims(rows)] == [True, False, True, False]
