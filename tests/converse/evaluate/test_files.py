"""Published files are read whole; what is not as published is named with its place."""

from datetime import UTC, datetime

import pytest

from duotempo.converse.evaluate import load
from duotempo.core import UserError
from tests.converse.evaluate.samples import locomo, longmemeval, written


def test_locomo_is_read_with_its_sessions_in_order(tmp_path):
    (told,) = load(written(tmp_path, locomo()))
    assert (told.ref, told.name) == ("made-1", "Ines and Tomas")
    assert [sitting.ref for sitting in told.sittings] == ["D1", "D2"]
    first, second = told.sittings
    assert first.begun == datetime(2031, 5, 8, 13, 56, tzinfo=UTC).timestamp()
    assert [(t.ref, t.role, t.text) for t in second.turns] == [
        ("D2:1", "user", "Tomas: Our kayak trip ended in Lund. [shows a picture: a red kayak]"),
        ("D2:2", "user", "Ines: I sold my violin last week."),
    ]


def test_locomos_questions_have_their_rules_and_evidence(tmp_path):
    (told,) = load(written(tmp_path, locomo()))
    multi, temporal, open_domain, single, adversarial = told.questions
    assert (multi.kind, multi.rule, multi.turns) == ("multi-hop", "parts", {"D1:2"})
    assert (temporal.kind, temporal.answer) == ("temporal", "2031")
    assert (open_domain.answer, open_domain.turns) == ("Likely", {"D2:2", "D1:1"})
    assert (single.turns, single.sessions) == ({"D1:1"}, {"D1"})  # D9:9 is nowhere
    assert (adversarial.rule, adversarial.answer) == ("choice", "Lund")


def test_longmemeval_is_read_sorted_by_time(tmp_path):
    first, second = load(written(tmp_path, longmemeval()))
    assert [sitting.ref for sitting in first.sittings] == ["s_a", "answer_b"]
    assert [turn.ref for turn in first.sittings[1].turns] == ["answer_b_1", "answer_b_2"]
    (question,) = first.questions
    assert (question.kind, question.rule) == ("single-session-user", "whole")
    assert (question.turns, question.sessions) == ({"answer_b_1"}, {"answer_b"})
    assert question.when == "2031/05/30 (Fri) 23:40"
    (none,) = second.questions
    assert (none.kind, none.rule, none.sessions) == ("abstention", "none", set())


def spoilt(data, place, value=None):
    """The data with one field gone or changed."""
    *path, last = place
    inner = data
    for step in path:
        inner = inner[step]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return data


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ((0, "qa"), None, r"\[0\] has no field 'qa'"),
        ((0, "qa", 1, "category"), 9, r"\[0\]\.qa\[1\]\.category is not 1 to 5"),
        ((0, "qa", 1, "category"), "two", r"\[0\]\.qa\[1\]\.category is not a whole number"),
        ((0, "qa", 2, "answer"), None, r"\[0\]\.qa\[2\] has no field 'answer'"),
        ((0, "qa", 2, "answer"), True, r"\[0\]\.qa\[2\]\.answer is not text"),
        ((0, "qa", 0, "evidence"), "D1:2", r"\[0\]\.qa\[0\]\.evidence is not a list"),
        ((0, "conversation", "session_2", 1, "dia_id"), None, r"session_2\[1\] has no field"),
        ((0, "conversation", "session_1_date_time"), "in May", "session_1_date_time is no time"),
        ((0, "conversation"), [], "conversation is not an object"),
    ],
)
def test_a_bad_file_of_locomo_is_named_by_its_field(tmp_path, place, value, said):
    with pytest.raises(UserError, match=said):
        load(written(tmp_path, spoilt(locomo(), place, value)))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ((1, "answer_session_ids"), None, r"\[1\] has no field 'answer_session_ids'"),
        ((0, "haystack_dates", 0), "2031/13/40 (Wed) 10:00", r"haystack_dates\[0\] is no time"),
        ((0, "haystack_dates", 0), "yesterday", r"haystack_dates\[0\] is no time"),
        ((0, "haystack_dates", 0), None, "of different lengths"),
        ((0, "haystack_sessions", 0, 1, "role"), "bot", "is neither user nor assistant"),
    ],
)
def test_a_bad_file_of_longmemeval_is_named_by_its_field(tmp_path, place, value, said):
    with pytest.raises(UserError, match=said):
        load(written(tmp_path, spoilt(longmemeval(), place, value)))


def test_what_is_no_benchmark_is_said(tmp_path):
    path = tmp_path / "data.json"
    path.write_bytes(b'[\n{"qa": [}\n]')
    with pytest.raises(UserError, match="line 2: no JSON"):
        load(path)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="not UTF-8"):
        load(path)
    for data, said in (({}, "not a list"), ([], "no conversation"), ([{"a": 1}], "has neither")):
        with pytest.raises(UserError, match=said):
            load(written(tmp_path, data))
