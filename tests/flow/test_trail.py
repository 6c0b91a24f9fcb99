"""The trail on planted models: which word stands where, and where the answer becomes the first."""

from dataclasses import replace

import pytest

from duotempo.flow import cases, lens, trails
from duotempo.flow.trail import MOST
from tests.flow.facts import probe, probes
from tests.flow.planted import RELAY, SINGLE, answer, filler, rms


def word(token):
    """A token in brackets."""
    return f"[{token}]"


def test_the_answer_comes_at_the_last_token_of_the_write_that_brings_it():
    (found,) = trails(RELAY, cases(RELAY, [probe("far", 2, 3, (filler(1),))]), word)
    assert (found.kind, found.fact, found.right) == ("far", "far 2 3", True)
    assert (found.answer, found.tokens) == (word(answer(3)), (word(filler(1)), word(2)))
    assert [place.name for place in found.places] == ["embed", "recall", "pass on"]
    assert found.top[2][1] == word(answer(3))
    assert [row[1] for row in found.rank] == [1, 1, 1], "a tie is no loss of rank"
    assert found.probability[2][1] > 0.99 > found.probability[1][1]
    assert found.probability[2][0] == pytest.approx(1 / 13), "a filler brings nothing"


def test_the_last_column_is_the_lens():
    subject = replace(SINGLE["near"], norm=rms)
    case = cases(subject, probes("near"))[0]
    (found,) = trails(subject, [case])
    known = lens(subject, case.plain, case.probe.question)
    assert tuple(row[-1] for row in found.probability) == pytest.approx(known.probability)
    assert tuple(row[-1] for row in found.rank) == known.rank


def test_the_first_fact_of_each_class_is_shown_right_or_wrong():
    subject = SINGLE["near"]
    found = trails(subject, cases(subject, probes("weights", "near")))
    assert [(one.kind, one.right) for one in found] == [("weights", False), ("near", True)]
    assert found[0].fact == probes("weights")[0].fact


def test_of_a_long_question_the_end_is_shown():
    long = probe("far", 2, 3, (filler(1),) * 40)
    (found,) = trails(RELAY, cases(RELAY, [long]), word)
    assert len(found.tokens) == MOST == len(found.top[0]) == len(found.rank[-1])
    assert found.tokens[-1] == word(2)
