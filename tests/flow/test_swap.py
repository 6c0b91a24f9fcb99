"""The rival swap on planted models: the causal matrix is exact."""

from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.flow import Certificate, cases, certificates, groups_of, swap
from tests.flow.facts import probes
from tests.flow.planted import AND, REDUNDANT, RELAY, SINGLE, STORE

CLASSES = ("near", "far", "weights")
GROUP = {"near": "context", "far": STORE, "store": STORE, "weights": "weights"}


def matrix(subject, *kinds):
    """(groups, how, class) -> row."""
    ready = cases(subject, probes(*kinds))
    rows = swap(subject, ready)
    return {(r.groups, r.how, r.kind): r for r in rows}, certificates(rows, ready)


def value(found):
    """An estimate's value, None for none."""
    return None if found is None else found.value


@pytest.mark.parametrize("kind", [*CLASSES, "store"])
def test_a_single_source_gives_a_diagonal_matrix(kind):
    rows, told = matrix(SINGLE["far" if kind == "store" else kind], kind)
    plain = rows[(), "as it is", kind]
    assert (value(plain.keep), value(plain.follow), value(plain.margin)) == (1, 0, 8)
    assert (value(plain.said_keep), value(plain.said_follow), plain.keep.n) == (1, 0, 12)
    for group in groups_of(SINGLE["far" if kind == "store" else kind]):
        zero = rows[(group.name,), "zero", kind]
        source = group.name == GROUP[kind]
        assert value(zero.margin) == (0 if source else 8)
        assert value(zero.drop) == (8 if source else 0)
        assert value(zero.keep) == (0 if source else 1)
        rival = rows[(group.name,), "rival", kind]
        if group.stores:
            assert (value(rival.follow), value(rival.keep)) == ((1, 0) if source else (0, 1))
            assert value(rival.said_follow) == (1 if source else 0)
            assert value(rival.margin) == pytest.approx(-8 / 3 if source else 8)
        else:
            assert rival.follow is rival.keep is rival.margin is None
    sure = {c.group: (c.needed, c.enough) for c in told}
    for group in groups_of(SINGLE["far" if kind == "store" else kind]):
        source = group.name == GROUP[kind]
        if group.stores:
            assert sure[group.name] == (source, source), group.name
        else:
            assert sure[group.name] == (source, None)


def test_the_mean_takes_what_all_facts_share():
    rows, _ = matrix(SINGLE["weights"], "weights")
    # questions are a filler and a subject: half the tokens are subjects, of whose answers 0 and 1
    # are known twice as often as 2 and 3
    shares = torch.tensor([4, 4, 2, 2]) / 12 * 8 / 2
    own = [float(shares[s % 4] - (shares.sum() - shares[s % 4]) / 3) for s in range(6)]
    assert value(rows[("weights",), "mean", "weights"].margin) == pytest.approx(sum(own) / 6)
    assert value(rows[(STORE,), "mean", "weights"].margin) is None  # this model's store is silent


def test_a_redundant_pair_shows_in_the_joint_row_only():
    rows, told = matrix(REDUNDANT, "near")
    assert value(rows[("context",), "zero", "near"].drop) == 0
    assert value(rows[(STORE,), "zero", "near"].drop) == 0
    assert value(rows[("context", STORE), "zero", "near"].drop) == 8
    assert value(rows[("context", STORE), "rival", "near"].follow) == 1
    sure = {c.group: (c.needed, c.enough) for c in told}
    assert sure["context"][1] is sure[STORE][1] is False


def test_of_an_and_pair_each_half_is_needed_and_none_is_enough():
    rows, told = matrix(AND, "near")
    assert value(rows[("context",), "zero", "near"].drop) == 8
    assert value(rows[(STORE,), "zero", "near"].drop) == 8
    assert value(rows[(STORE,), "rival", "near"].follow) == 0
    assert value(rows[("context", STORE), "rival", "near"].follow) == 1
    assert {c.group: c.enough for c in told}[STORE] is False


def test_a_relay_follows_the_store_behind_it():
    rows, told = matrix(RELAY, "far")
    assert value(rows[(STORE,), "rival", "far"].follow) == 1
    assert value(rows[("weights",), "zero", "far"].drop) == 8
    assert Certificate(STORE, "far", True, True) in told
    assert Certificate("context", "far", False, False) in told


def test_a_stranger_brings_its_own_fact():
    ready = cases(SINGLE["far"], probes("far")[::2])  # each subject once
    rows = {(r.groups, r.how): r for r in swap(SINGLE["far"], ready)}
    assert value(rows[(STORE,), "random"].margin) == 0  # it says nothing of this subject
    assert value(rows[("context",), "random"].margin) == 8


def test_one_document_for_all_has_no_stranger():
    ready = cases(SINGLE["far"], probes("far")[:1])
    rows = {(r.groups, r.how): r for r in swap(SINGLE["far"], ready)}
    assert rows[(STORE,), "random"].keep is None
    assert rows[(STORE,), "rival"].keep.few
    assert "few" in str(rows[(STORE,), "rival"].keep)


def test_what_is_not_known_needs_nothing():
    rows, told = matrix(SINGLE["near"], "weights")
    assert value(rows[(), "as it is", "weights"].keep) == 0
    assert all(each.needed is None for each in told)
    assert {each.group: each.enough for each in told} == {"context": False, STORE: False}


def test_a_model_whose_logits_are_no_numbers_is_refused():
    damaged = replace(RELAY, norm=lambda x: x * float("nan"))
    with pytest.raises(UserError, match="no finite numbers"):
        cases(damaged, probes("far")[:1])


def test_no_probes_are_refused():
    with pytest.raises(UserError, match="no probes"):
        cases(SINGLE["far"], [])


def test_a_model_that_adds_nothing_through_a_channel_has_no_mean_row():
    rows, _ = matrix(SINGLE["near"], "near")
    assert rows[(STORE,), "mean", "near"].margin is None
    assert rows[("context",), "mean", "near"].margin is not None
