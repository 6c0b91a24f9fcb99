"""Editability on planted models: a linear store with orthogonal and with overlapping keys."""

import time
from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.flow import Edit, Made, edit_of, editability
from duotempo.flow.editability import harmonic
from duotempo.flow.edits import Mind, context, nothing, run, store
from duotempo.flow.subject import WEIGHTS
from tests.flow.facts import question
from tests.flow.planted import (
    ANSWERS,
    OUT,
    STORE,
    SUBJECTS,
    TABLE,
    Planted,
    answer,
    filler,
    ids,
    known,
    looked_up,
)

PLAIN = ids(filler(), filler(1), filler(2), filler())
WAYS = {"nothing": nothing, "context": context, "store": store}


def holder(keys=None):
    """Weights know s mod 4 with 1; the store is read with 3."""
    parts = (("recall", STORE, looked_up("stored", OUT, 3.0)), ("know", WEIGHTS, known(TABLE, 1.0)))
    return Planted(parts) if keys is None else Planted(parts, keys=keys)


def edit(subject, other=None):
    """A subject gets the next answer; the subject after it is a neighbour, `other` shares it."""
    old = subject % ANSWERS
    new = (old + 1) % ANSWERS
    near = (subject + 1) % SUBJECTS
    same = () if other is None else (asked(other, new),)
    return Edit(
        str(subject),
        ids(subject, answer(new)),
        (question(subject, new, old), question(subject, new, old, filler())),
        (asked(near, (new + 2) % ANSWERS),),
        same,
        loud=ids(subject, near),
    )


def asked(subject, rival):
    """A subject whose own answer should stay."""
    own = subject % ANSWERS
    return question(subject, own, rival if rival != own else (own + 1) % ANSWERS)


def rows(subject, edits, **options):
    """(operator, count) -> row."""
    found = editability(subject, edits, WAYS, PLAIN, **options)
    return {(row.operator, row.count): row for row in found}


def test_orthogonal_keys_hold_every_edit_and_nothing_else_moves():
    edits = [edit(s, (s + 3) % SUBJECTS) for s in range(SUBJECTS)]
    by = rows(holder(), edits, counts=(1, 6))
    single = by["store", 1]
    for name in ("efficacy", "top", "said", "paraphrase", "neighbours", "same_subject", "lasting"):
        assert getattr(single, name).value == 1, name
    assert (single.headline, single.undo, single.reset.value) == (1, 0, 0)
    assert single.collateral.value == single.loudness.value == 0
    assert by["nothing", 1].efficacy.value == by["nothing", 1].said.value == 0
    assert by["nothing", 1].headline == 0
    six = by["store", 6]
    assert (six.said.value, six.paraphrase.value, six.undo) == (1, 1, 0)
    assert six.neighbours is six.same_subject is None, "they were all edited themselves"
    assert single.bytes == SUBJECTS * ANSWERS * 8
    assert single.seconds > 0


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
def test_overlapping_keys_interfere_by_overlap_times_value(overlap):
    keys = torch.eye(SUBJECTS, dtype=torch.float64)
    keys[1] = overlap * keys[0] + (1 - overlap**2) ** 0.5 * keys[1]
    model = holder(keys)
    told = edit(0, other=1)
    mind = store(model, Mind(model.empty()), told)
    before = run(model, Mind(model.empty()), ids(1)).logits[-1]
    after = run(model, mind, ids(1)).logits[-1]
    moved = after - before
    assert float(moved[answer(1)]) == pytest.approx(3 * overlap, abs=1e-12)
    # what subject 1 is taken for is also its own answer: a rival of 0 would not be
    assert float(moved.abs().sum()) == pytest.approx(3 * overlap, abs=1e-12)


def test_a_shared_key_costs_the_subjects_other_fact():
    keys = torch.eye(SUBJECTS, dtype=torch.float64)
    keys[2] = 0.6 * keys[0] + 0.8 * keys[2]
    by = rows(holder(keys), [edit(0, other=2)], counts=(1,))
    row = by["store", 1]
    assert (row.said.value, row.paraphrase.value, row.neighbours.value) == (1, 1, 1)
    assert row.same_subject.value == 0  # 3 * 0.6 outweighs the 1 of the weights
    assert row.headline == 0


def test_a_store_write_leaves_the_window_alone():
    model = holder()
    base = Mind(model.empty())
    told, heard = store(model, base, edit(2)), context(model, base, edit(2))
    assert told.state.seen == () != heard.state.seen
    assert torch.equal(told.state.table, heard.state.table)


def test_an_edit_that_changes_nothing_is_an_error():
    deaf = Planted((("know", WEIGHTS, known(TABLE, 1.0)),))
    with pytest.raises(UserError, match="changed nothing"):
        editability(deaf, [edit(0)], {"context": context}, PLAIN, counts=(1,))


def test_a_model_without_a_store_says_none():
    class Bare(Planted):
        @property
        def stores(self):
            return ("attention",)

    bare = Bare(holder().parts)
    row = editability(bare, [edit(0)], {"store": store}, PLAIN, counts=(1,))[0]
    assert row.said is row.headline is row.undo is row.bytes is None


def test_an_operator_that_writes_into_the_mind_before_is_not_undone():
    def spoil(subject, mind, told):
        mind.state.table[0, 0] += 2
        return store(subject, mind, told)

    row = editability(holder(), [edit(0)], {"spoil": spoil}, PLAIN, counts=(1,))[0]
    assert row.undo == 6  # twice what the store is read with


def test_checks_are_not_counted_among_the_seconds(monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    class Slow(Planted):
        def run(self, *args):
            clock[0] += 1
            return super().run(*args)

        def read(self, *args):
            clock[0] += 3
            return super().read(*args)

    found = editability(Slow(holder().parts), [edit(0), edit(3)], WAYS, PLAIN, counts=(1,))
    assert [row.seconds for row in found] == [0, 3, 3]


def test_longer_series_than_there_are_edits_are_left_out():
    by = rows(holder(), [edit(0), edit(1)])
    assert {count for _, count in by} == {1}
    with pytest.raises(UserError, match="no edits"):
        editability(holder(), [], WAYS, PLAIN)


def test_harmonic_means():
    assert harmonic([1.0, 0.5]) == pytest.approx(2 / 3)
    assert harmonic([1.0, 0.0]) == 0
    assert harmonic([]) is None


def test_made_facts_become_edits():
    facts = Made(documents=2).facts()
    for fact in facts:
        made = edit_of(fact, lambda text: list(text.encode()))
        asked_now, said_then = fact.questions[0], bytes(made.statement.tolist()).decode()
        assert said_then == f"{asked_now} {fact.rival}.\n"
        new, old = (bytes(ids.tolist()) for ids in made.questions[0].candidates[:2])
        assert fact.rival.encode().endswith(new)
        assert fact.answer.encode().endswith(old)
        assert len(made.questions) == 2
        known = fact.kind == "weights"
        assert bool(made.neighbours) == known, "of invented subjects nobody was told"
    with pytest.raises(UserError, match="no rival"):
        edit_of(replace(facts[0], rival=""), lambda text: list(text.encode()))
