"""What `comedy` measures with an oracle and with a liar, and what it claims from planted rows."""

import pytest

from duotempo.converse.invented import Invented
from duotempo.study.base import Job, Row
from duotempo.study.comedy import (
    APART,
    MIXED,
    MIXED_DPO,
    Comedy,
    contradicts,
    noted,
    remembered,
    replied,
)
from duotempo.tasks.sessions import Life
from duotempo.tasks.sessions_forms import oracle
from duotempo.tasks.sessions_words import ATTRIBUTES, UNKNOWN

LIFE = Life(3, 16)


def test_an_oracle_does_all_three_without_a_fault():
    found = {row.metric: row.value for row in Comedy().measure(Job(MIXED, 0), "smoke", print)}
    for name in ("notes.found", "notes.cited", "memory.covered", "reply.right", "together"):
        assert found[name] == 1.0, name
    for name in ("notes.invented", "memory.wrong", "memory.unread", "reply.contradicts"):
        assert found[name] == 0.0, name


def test_a_model_that_never_ends_finds_nothing():
    found = noted(Invented(lambda prompt: "ana"), LIFE)
    assert set(found["notes.found"]) == {0.0}
    assert found["notes.invented"] == []
    lost = remembered(Invented(lambda prompt: "ana"), LIFE)
    assert (set(lost["memory.covered"]), lost["memory.unread"]) == ({0.0}, [1.0])


def test_a_model_that_denies_contradicts_and_one_that_says_little_does_not():
    denies = replied(Invented(lambda prompt: f"{UNKNOWN} . end"), LIFE)
    silent = replied(Invented(lambda prompt: "i see . end"), LIFE)
    assert sum(denies["reply.contradicts"]) > 0
    assert set(silent["reply.contradicts"]) == {0.0}
    assert set(silent["reply.right"]) == {0.0}


@pytest.mark.parametrize("kind", ["now", "before", "unknown"])
def test_another_value_contradicts_whatever_is_asked(kind):
    questions = [q for q in LIFE.questions(16) if q.kind == kind]
    assert questions
    for question in questions:
        assert not contradicts(question.reply, question)
        values = ATTRIBUTES[question.slot.attribute].values
        other = next(value for value in values if value != question.answer)
        assert contradicts(question.slot.said(other), question)


def test_notes_of_the_last_mention_are_what_a_memory_must_cite():
    def early(prompt: str) -> str:
        return oracle(prompt) if not prompt.startswith("compress") else _first_numbers(prompt)

    found = remembered(Invented(early), LIFE)
    assert sum(found["memory.covered"]) < len(found["memory.covered"])


def _first_numbers(prompt: str) -> str:
    """The right memory with every citation made the first note's."""
    return " ".join("[1]" if w.startswith("[") else w for w in oracle(prompt).split())


def test_claims_hold_one_against_three_and_preferences_against_none():
    rows = []
    for arm, right, wrong in ((MIXED, 0.9, 0.1), (APART, 0.95, 0.1), (MIXED_DPO, 0.92, 0.05)):
        rows += [Row(arm, seed, "reply.right", None, right) for seed in (1, 2)]
        rows += [Row(arm, seed, "reply.contradicts", None, wrong) for seed in (1, 2)]
    said = {claim.claim: (round(claim.value, 6), claim.holds) for claim in Comedy().claims(rows)}
    assert said[f"{MIXED} minus {APART}: reply.right"] == (-0.05, False)
    assert said[f"{MIXED_DPO} minus {MIXED}: reply.contradicts"] == (-0.05, True)
