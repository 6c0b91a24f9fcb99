"""What `comedy` measures with an oracle and with a liar, and what it claims from planted rows."""

import re

import pytest

from duotempo.converse.invented import Invented
from duotempo.recipes.sessions import memory
from duotempo.study.base import Job, Row
from duotempo.study.comedy import (
    APART,
    MIXED,
    MIXED_DPO,
    Comedy,
    noted,
    remembered,
    replied,
)
from duotempo.study.memory_model import Routed
from duotempo.study.talked import contradicts, truths
from duotempo.tasks.sessions import Life
from duotempo.tasks.sessions_forms import oracle
from duotempo.tasks.sessions_rows import KINDS
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
        if kind == "unknown":
            assert contradicts("we planned a picnic", question)


def test_notes_of_the_last_mention_are_what_a_memory_must_cite():
    def early(prompt: str) -> str:
        return oracle(prompt) if not prompt.startswith("compress") else _first_numbers(prompt)

    found = remembered(Invented(early), LIFE)
    assert sum(found["memory.covered"]) < len(found["memory.covered"])


def test_values_of_before_and_dates_must_be_right_too():
    def late(prompt: str) -> str:
        said = oracle(prompt)
        return said.replace("@", "@9") if prompt.startswith("compress") else said

    found = remembered(Invented(late), LIFE)
    assert set(found["memory.wrong"]) == {1.0}
    assert set(found["memory.covered"]) == {0.0}


def test_what_cites_everything_covers_nothing():
    def all_numbers(prompt: str) -> str:
        said = oracle(prompt)
        marks = " ".join(word for word in prompt.split() if word.startswith("["))
        if not prompt.startswith("compress"):
            return said
        return re.sub(r"\](?= (?:;|relation|recap|end))", f"] {marks}", said)

    found = remembered(Invented(all_numbers), LIFE)
    assert sum(found["memory.covered"]) <= 2  # a note that is compressed alone cites itself


def test_a_twin_learns_from_as_many_batches_of_its_task():
    def batches(run, kind):
        return sum(s.steps / len(s.task.kinds) for s in run.stages if kind in s.task.kinds)

    for kind in KINDS:
        assert batches(memory(), kind) == batches(memory(kinds=(kind,)), kind)


def test_whoever_does_a_task_is_asked():
    routed = Routed({kind: lambda prompt, kind=kind: f"{kind} said end" for kind in KINDS})
    assert routed.all(["reply : x =>", "compress ana : y =>"]) == [
        "reply said end",
        "compress said end",
    ]


def test_the_truth_of_a_life_is_what_an_oracle_writes():
    assert len(truths(LIFE, 16)) == len(LIFE.known(16))


def _first_numbers(prompt: str) -> str:
    """The right memory with every citation made the first note's."""
    return " ".join("[1]" if w.startswith("[") else w for w in oracle(prompt).split())


def test_claims_hold_one_against_three_and_preferences_against_none():
    rows = []
    for arm, right, wrong in ((MIXED, 0.9, 0.1), (APART, 0.95, 0.1), (MIXED_DPO, 0.92, 0.05)):
        rows += [Row(arm, seed, "reply.right", None, right) for seed in (1, 2)]
        rows += [Row(arm, seed, "reply.contradicts", None, wrong) for seed in (1, 2)]
    said = {claim.claim: (round(claim.value, 6), claim.holds) for claim in Comedy().claims(rows)}
    assert said[f"{MIXED} minus {APART}, one training each: reply.right"] == (-0.05, False)
    assert said[f"{MIXED_DPO} minus {MIXED}, one training each: reply.contradicts"] == (-0.05, True)
