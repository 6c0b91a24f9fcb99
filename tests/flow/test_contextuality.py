"""Contextuality on planted models: constant is 0, copying is 1, planted variances come back."""

import math
from dataclasses import replace

import pytest
import torch

from duotempo.flow import cases, contextuality
from duotempo.flow.contextuality import divergence, flips, split
from duotempo.flow.subject import WEIGHTS
from tests.flow.facts import document, probe, probes, question
from tests.flow.planted import (
    OUT,
    SINGLE,
    STORE,
    THREE,
    Planted,
    answer,
    filler,
    ids,
    looked_up,
    put,
)

QUIET = (filler(),) * 7


def wordy(gain):
    """A write toward the first answer that depends on the wording, the question's first token."""

    def part(moment):
        found = torch.zeros(len(moment.tokens), 4, dtype=torch.float64)
        found[:, 0] = gain * float(moment.tokens[0] - filler())
        return put(found, OUT)

    return part


def repeated(times, subject=0, said=0):
    """A text that says a fact so many times."""
    return ids(*[subject, answer(said), filler()] * times, *QUIET)


def spread_out(fact, contexts, wordings=3):
    """A probe in several contexts and wordings."""
    first = fact.question
    questions = tuple(
        replace(first, tokens=ids(filler(w), int(first.tokens[-1]))) for w in range(wordings)
    )
    return replace(fact, questions=questions, contexts=contexts)


def test_planted_variances_come_back():
    subject = Planted(
        (("recall", STORE, looked_up("stored", OUT, 2.0)), ("word", WEIGHTS, wordy(3.0)))
    )
    fact = spread_out(probe("far", 0, 0), tuple(repeated(n) for n in (1, 2, 3)))
    row = contextuality(subject, cases(subject, [fact])).rows[0]
    assert row.context.value == pytest.approx(2.0**2 * 2 / 3)
    assert row.wording.value == pytest.approx(3.0**2 * 2 / 3)
    assert row.rest.value == pytest.approx(0, abs=1e-9)
    assert row.flips.value == 0


def test_what_context_and_wording_do_together_is_the_rest():
    found = split(torch.tensor([[1.0, -1.0], [-1.0, 1.0]], dtype=torch.float64))
    assert (found.context, found.wording, found.rest) == (0, 0, 1)


def test_a_constant_model_reads_the_same_everywhere():
    facts = [spread_out(f, (ids(*QUIET), ids(*QUIET, filler(1)))) for f in probes("weights")]
    row = contextuality(SINGLE["weights"], cases(SINGLE["weights"], facts)).rows[0]
    parts = (row.spread, row.flips, row.context, row.wording, row.rest)
    assert [part.value for part in parts] == pytest.approx([0] * 5, abs=1e-12)


def test_readings_that_agree_nowhere_have_spread_one():
    assert divergence(torch.eye(4, dtype=torch.float64)) == pytest.approx(1)
    two = torch.eye(4, dtype=torch.float64)[:2]
    assert divergence(two) == pytest.approx(math.log(2) / math.log(4))
    assert flips([0, 0, 1, 2]) == 0.5


def contradicted(fact):
    """A probe with its rival said near, far and in the store."""
    subject, right = int(fact.question.tokens[-1]), int(fact.question.candidates[0][0]) - 6
    lie = (right + 1) % 4
    texts = {where: ids(*document(where, subject, lie)) for where in ("near", "far", "store")}
    return replace(fact, contradictions=texts)


@pytest.mark.parametrize(
    ("subject", "follows"),
    [
        (SINGLE["near"], {"near": 1, "far": 0, "store": 0}),
        (SINGLE["far"], {"near": 1, "far": 1, "store": 1}),
        (SINGLE["weights"], {"near": 0, "far": 0, "store": 0}),
    ],
)
def test_a_lie_is_followed_where_it_is_read(subject, follows):
    facts = [contradicted(fact) for fact in probes("weights")]
    found = contextuality(subject, cases(subject, facts))
    assert {row.where: row.follow.value for row in found.sways} == follows
    for row in found.sways:
        assert (row.kl.value > 0) == bool(follows[row.where])
    assert found.rows[0].spread is None  # one context, one wording


def test_a_lie_against_what_weights_know_is_weighed():
    facts = [contradicted(fact) for fact in probes("weights")]
    found = contextuality(THREE, cases(THREE, facts))
    by = {row.where: row for row in found.sways}
    # weights say 1, attention 3, the store 2; a lie in the store alone outweighs the weights
    assert (by["near"].follow.value, by["far"].follow.value, by["store"].follow.value) == (1, 1, 1)
    plain = torch.tensor([1.0, 0, 0, 0], dtype=torch.float64).log_softmax(0)
    told = torch.tensor([1.0, 2, 0, 0], dtype=torch.float64).log_softmax(0)
    wanted = float((plain.exp() * (plain - told)).sum())
    assert by["store"].kl.value == pytest.approx(wanted)


def test_a_question_with_one_alternative_is_measured():
    fact = probe("weights", 0, 0)
    pair = replace(fact.question, candidates=fact.question.candidates[:2])
    fact = spread_out(replace(fact, questions=(pair,)), (ids(*QUIET),))
    row = contextuality(SINGLE["weights"], cases(SINGLE["weights"], [fact])).rows[0]
    assert row.spread.value == pytest.approx(0, abs=1e-12)
    assert question(0, 0, 1).chance == 0.25
