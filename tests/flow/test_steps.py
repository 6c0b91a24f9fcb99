"""The waterfall on planted models: every step is known, and the steps sum to the margin."""

from dataclasses import replace

import pytest

from duotempo.flow import cases, shares, swap
from duotempo.flow.subject import EMBED, WEIGHTS
from tests.flow.facts import probe, probes
from tests.flow.planted import ANSWERS, RELAY, SINGLE, STORE, THREE, filler, rms


def steps(subject, facts):
    """(place, channel, value) of each step, in order."""
    found = shares(subject, cases(subject, facts)).steps
    return [(row.place.name, row.place.channel, row.value.value) for row in found]


def agreeing():
    """Facts on which context, store and weights agree."""
    return [probe("near", s, s % ANSWERS, (filler(s % 3),)) for s in range(6)]


def test_each_step_is_what_was_planted():
    assert steps(THREE, agreeing()) == [
        (EMBED, EMBED, 0),
        ("look", "attention", 3),
        ("recall", STORE, 2),
        ("know", WEIGHTS, 1),
        ("bias", "bias", 0),
    ]


def test_a_relay_takes_the_step_and_not_its_source():
    by = {name: value for name, _, value in steps(RELAY, probes("far"))}
    assert by == {EMBED: 0, "recall": 0, "pass on": 8, "bias": 0}


@pytest.mark.parametrize("kind", ["near", "far", "weights"])
def test_a_single_source_is_one_step(kind):
    values = [value for _, _, value in steps(SINGLE[kind], probes(kind))]
    assert values == [0, 8, 0]


def test_steps_sum_to_the_margin_of_every_class_behind_a_norm():
    subject, facts = replace(THREE, norm=rms), probes("near", "far", "weights")
    ready = cases(subject, facts)
    found = shares(subject, ready).steps
    plain = {row.kind: row.margin.value for row in swap(subject, ready) if not row.groups}
    for kind in ("near", "far", "weights"):
        own = [row.value.value for row in found if row.kind == kind]
        assert sum(own) == pytest.approx(plain[kind], abs=1e-9)
        assert len(own) == len(subject.places) + 1


def test_steps_by_group_are_the_direct_column():
    found = shares(THREE, cases(THREE, agreeing()))
    direct = {row.group: row.direct.value for row in found.rows if row.direct}
    by = {row.place.channel: row.value.value for row in found.steps}
    assert direct["context"] == by["attention"]
    assert direct[STORE] == by[STORE]


def test_no_steps_where_the_sum_is_refused():
    assert steps(replace(THREE, cap=3.0), agreeing()) == []
