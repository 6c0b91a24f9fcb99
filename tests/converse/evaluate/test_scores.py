"""Scores as computed by hand from the published rules; intervals as published."""

from random import Random

import pytest

from duotempo.converse.evaluate.records import Asked
from duotempo.converse.evaluate.scores import (
    contains,
    found,
    parts_f1,
    scored,
    stems,
    token_f1,
    wilson,
)
from duotempo.core import UserError

NONE = frozenset[str]()


@pytest.mark.parametrize(
    ("word", "stem"),
    [  # from the tables of Porter's paper, 1980
        ("caresses", "caress"),
        ("ponies", "poni"),
        ("agreed", "agre"),
        ("plastered", "plaster"),
        ("motoring", "motor"),
        ("hopping", "hop"),
        ("happy", "happi"),
        ("sky", "sky"),
        ("relational", "relat"),
        ("hopefulness", "hope"),
        ("controlling", "control"),
        ("rate", "rate"),
    ],
)
def test_words_lose_their_endings_as_porter_published(word, stem):
    assert stems(word) == [stem]


def test_articles_and_punctuation_and_case_do_not_count():
    assert stems("The cat, AND a dog's (an) owl!") == ["cat", "dog", "owl"]


@pytest.mark.parametrize(
    ("said", "gold", "f1"),
    [
        ("Camping.", "the camping", 1.0),
        ("She went camping and swimming", "camping, swimming", 2 * 2 / (4 + 2)),
        ("red red kayak", "red kayak kayak", 2 * 2 / 6),  # each word as often as in both
        ("7 May 2023", "8 May 2023", 2 * 2 / 6),
        ("nothing", "camping", 0.0),
        ("", "camping", 0.0),
        ("the", "a", 0.0),
    ],
)
def test_token_f1_by_hand(said, gold, f1):
    assert token_f1(said, gold) == pytest.approx(f1)


def test_the_parts_of_a_multi_hop_answer_are_scored_each_by_its_best():
    gold = "pottery, camping, painting, swimming"
    by_hand = (0 + 1 + 2 / 3 + 0) / 4  # camps = camping; "She paints" has one word too many
    assert parts_f1("She paints, camps", gold) == pytest.approx(by_hand)
    assert parts_f1("pottery and camping", "pottery, camping") == pytest.approx(2 / 3)


def question(rule, answer="12 jars", turns=NONE, sessions=NONE):
    """A question of a rule."""
    return Asked("1", "kind", "how many?", answer, rule, turns, sessions)


@pytest.mark.parametrize(
    ("rule", "said", "scores"),
    [
        ("whole", "12 jars, I think", {"f1": 2 * 2 / 6, "contains": 1.0}),
        ("whole", "120 jars", {"f1": 2 * 1 / 4, "contains": 0.0}),
        ("parts", "12 jars", {"f1": 1.0, "contains": 1.0}),
        ("choice", "That is NOT mentioned in it.", {"denied": 1.0}),
        ("choice", "No information available", {"denied": 1.0}),
        ("choice", "I have no information", {"denied": 0.0}),  # as published: the whole phrase
        ("none", "12 jars", {}),
    ],
)
def test_an_answer_is_scored_by_its_rule(rule, said, scores):
    assert scored(question(rule), said) == pytest.approx(scores)


def test_containment_wants_the_words_next_to_each_other():
    assert contains("We saw 12 jars of it", "12 jars")
    assert not contains("12 big jars", "12 jars")
    assert not contains("anything", "the")


def test_evidence_is_counted_by_turn_and_session():
    asked = question("whole", turns=frozenset({"D1:1", "D1:3", "D2:4"}),
                     sessions=frozenset({"D1", "D2"}))  # fmt: skip
    assert found(asked, {"D1:1", "D9:9"}, {"D1", "D9"}) == pytest.approx(
        {"coverage": 1 / 3, "turn any": 1, "turn all": 0, "session any": 1, "session all": 0}
    )
    assert found(asked, {"D1:1", "D1:3", "D2:4"}, {"D1", "D2"})["turn all"] == 1
    assert found(asked, set(), set())["session any"] == 0
    assert found(question("whole"), {"D1:1"}, {"D1"}) == {}


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(8, 10, 0.4902, 0.9433), (0, 10, 0.0, 0.2775), (48, 96, 0.4019, 0.5981), (1, 1, 0.2065, 1.0)],
)
def test_wilsons_interval_by_hand(hits, count, low, high):
    assert wilson(hits / count, count) == pytest.approx((low, high), abs=1e-4)


def test_wilsons_interval_holds_the_truth_as_often_as_it_says():
    random, inside = Random(3), 0
    for _ in range(4000):
        hits = sum(random.random() < 0.3 for _ in range(40))
        low, high = wilson(hits / 40, 40)
        inside += low <= 0.3 <= high
    assert 0.93 <= inside / 4000 <= 0.98


def test_no_interval_without_a_question():
    with pytest.raises(UserError, match="at least one question"):
        wilson(0.5, 0)
