"""Emergence on planted models: settling depth and step share are exact; the lens trap is seen."""

from dataclasses import replace

import pytest
import torch

from duotempo.flow import cases, emergence, lens
from duotempo.flow.subject import ATTENTION, WEIGHTS
from tests.flow.facts import probes
from tests.flow.planted import RELAY, STORE, TABLE, Planted, known, looked_up, rms

QUIET = ("quiet", ATTENTION, looked_up("near", 0, 0.0))


def only(subject, kind):
    """The one row of one class."""
    return emergence(subject, cases(subject, probes(kind))).rows[0]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_one_write_brings_the_answer_at_its_own_depth(depth):
    parts = [QUIET] * 3
    parts[depth - 1] = ("know", WEIGHTS, known(TABLE, 8.0))
    row = only(Planted(tuple(parts)), "weights")
    assert (row.settles.value, row.settling.value, row.step.value) == (1, depth, 1)
    assert row.jumps == {WEIGHTS: 1.0}


def test_four_equal_writes_have_a_step_share_of_a_quarter():
    row = only(Planted((("know", WEIGHTS, known(TABLE, 2.0)),) * 4), "weights")
    assert (row.settling.value, row.step.value) == (1, 0.25)


def test_a_relay_settles_where_it_passes_on():
    row = only(RELAY, "far")
    assert (row.settling.value, row.step.value, row.jumps) == (2, 1, {WEIGHTS: 1.0})


def test_an_answer_that_is_lost_on_the_way_settles_later():
    wrong = torch.roll(TABLE, 1, 1)
    writes = ((TABLE, 1.0), (wrong, 3.0), (TABLE, 4.0))
    row = only(Planted(tuple(("know", WEIGHTS, known(t, g)) for t, g in writes)), "weights")
    assert row.settling.value == 3
    assert row.step.value == pytest.approx((4 / 1) / (1 + 4))  # 1 and 4 up, 3 + 1/3 down


def test_an_answer_that_never_comes_does_not_settle():
    row = only(Planted((QUIET,)), "far")
    assert (row.settles.value, row.settling, row.step, row.jumps) == (0, None, None, {})


def test_the_norm_is_that_of_each_depth():
    subject = replace(Planted((QUIET, ("recall", STORE, looked_up("stored", 0, 50.0)))), norm=rms)
    case = cases(subject, probes("far"))[0]
    question = case.probe.question
    trace = subject.run(question.tokens, case.own)
    found = lens(subject, trace, question)
    # the last write makes the stream long: with its scale the first depth would look flat
    early = subject.norm(trace.streams[:1, -1]) @ subject.final.weight.T
    assert found.entropy[0] == pytest.approx(
        float(torch.distributions.Categorical(logits=early[0]).entropy())
    )
    assert found.length[0] < found.length[2] / 10


def test_depth_rows_end_in_the_models_own_prediction():
    subject = RELAY
    found = emergence(subject, cases(subject, probes("far")))
    assert [row.place.name for row in found.depths] == [place.name for place in subject.places]
    last = found.depths[-1]
    assert (last.kl.value, last.right.value, last.rank.value) == (0, 1, 1)
    assert found.depths[0].right.value == 0
    assert found.depths[0].kl.value > 0
