"""Source shares on planted models: sums, relays, redundancy and pairs come out exactly."""

from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.flow import cases, shapley, shares
from duotempo.flow.direct import direct, direction
from duotempo.flow.subject import Final
from tests.flow.facts import probe, probes
from tests.flow.planted import AND, ANSWERS, REDUNDANT, RELAY, SINGLE, STORE, THREE, filler, rms


def table(subject, facts, **options):
    """(group, column) -> value of one class of facts, and all that was found."""
    found = shares(subject, cases(subject, facts), **options)
    columns = ("direct", "total", "relayed")
    by = {(r.group, c): v and v.value for r in found.rows for c in columns for v in [getattr(r, c)]}
    return by | {(r.group, "share"): r.share for r in found.rows}, found


def agreeing(kind="near"):
    """Facts on which context, store and weights agree."""
    return [probe(kind, s, s % ANSWERS, (filler(s % 3),)) for s in range(6)]


def test_planted_coefficients_are_recovered():
    by, found = table(THREE, agreeing(), twin=False)
    assert found.refused == ""
    wanted = {"context": 3.0, STORE: 2.0, "weights": 1.0}
    for group, gain in wanted.items():
        assert by[group, "direct"] == pytest.approx(gain, abs=1e-4)
    # without its store a group adds nothing; weights fall back to their mean, which is not nothing
    assert by["context", "total"] == pytest.approx(3, abs=1e-4)
    assert by[STORE, "total"] == pytest.approx(2, abs=1e-4)
    assert by["context", "relayed"] == pytest.approx(0, abs=1e-4)
    assert by["embed", "total"] is by["bias", "total"] is None


def test_direct_parts_sum_to_the_margin_behind_a_norm():
    subject = replace(THREE, norm=rms)
    for case in cases(subject, agreeing()):
        question = case.probe.question
        found = direct(subject.final, subject.run(question.tokens, case.own), question)
        assert found.error < 1e-12
        assert found.sound
        ratio = found.places[1] / found.places[2]
        assert float(ratio) == pytest.approx(1.5)


def test_a_relay_hands_its_credit_back():
    by, found = table(RELAY, probes("far"), twin=False)
    assert by["weights", "direct"] == pytest.approx(8)
    assert by[STORE, "direct"] == 0
    mediated = {(r.source, r.through): r.value.value for r in found.mediated}
    assert mediated[STORE, "weights"] == pytest.approx(8)
    assert mediated["context", "weights"] == 0
    assert by[STORE, "relayed"] > 0 > by["weights", "relayed"]


def test_a_twin_in_place_of_an_absence_moves_the_margin_to_the_rival():
    _, found = table(RELAY, probes("far"))
    mediated = {(r.source, r.through): r.value.value for r in found.mediated}
    assert mediated[STORE, "weights"] == pytest.approx(8 + 8 / 3)


@pytest.mark.parametrize(("subject", "each"), [(REDUNDANT, 8 / 6), (AND, 8 / 3)])
def test_pairs_share_evenly(subject, each):
    # weights join the two, a third player: either half adds 8 behind them in one order of six when
    # one will do, in two when both are needed
    found = shares(subject, cases(subject, probes("near")), twin=False)
    total = {r.group: r.total.value for r in found.rows if r.total}
    assert total["context"] == pytest.approx(each, abs=1e-9)
    assert total[STORE] == pytest.approx(each, abs=1e-9)


@pytest.mark.parametrize(("subject", "alone"), [(REDUNDANT, 8.0), (AND, 0.0)])
def test_two_players_of_a_planted_pair_get_half_each(subject, alone):
    case = cases(subject, probes("near"))[0]
    players = (("attention", "tails"), (STORE,))

    def value(present):
        gone = [name for i, names in enumerate(players) if i not in present for name in names]
        state = subject.zeroed(case.own, gone)
        question = case.probe.question
        return question.margin(subject.run(question.tokens, state).logits[-1])

    assert value(frozenset({0})) == value(frozenset({1})) == alone
    assert shapley(2, value) == [4, 4]


def test_a_single_source_has_all_of_the_share():
    for kind, group in (("near", "context"), ("far", STORE)):
        by, _ = table(SINGLE[kind], probes(kind))
        assert by[group, "share"] == pytest.approx(1)
    by, _ = table(SINGLE["weights"], probes("weights"))
    assert by["weights", "share"] == pytest.approx(1)


def test_a_soft_cap_is_refused_and_totals_remain():
    by, found = table(replace(RELAY, cap=5.0), probes("far"))
    assert "measured, not summed" in found.refused
    assert found.mediated == ()
    assert by[STORE, "direct"] is by[STORE, "relayed"] is None
    assert by[STORE, "total"] is not None
    assert by[STORE, "share"] > 0.5


def test_shapley_values_of_a_known_game():
    # glove game: player 0 has the left glove, 1 and 2 a right one each
    value = {frozenset(s): float(0 in s and len(s) > 1) for s in [(), (0,), (1,), (2,), (0, 1)]}
    value |= {frozenset(s): float(0 in s) for s in [(0, 2), (1, 2), (0, 1, 2)]}
    assert shapley(3, value.__getitem__) == pytest.approx([2 / 3, 1 / 6, 1 / 6])


def test_too_many_groups_are_refused():
    with pytest.raises(UserError, match="join some"):
        shapley(6, lambda present: 0.0)


@pytest.mark.parametrize("width", [8, 9])
@pytest.mark.parametrize("kind", ["rms", "layer"])
def test_any_usual_norm_is_found_by_asking(kind, width):
    torch.manual_seed(width)
    norm = torch.nn.LayerNorm(width) if kind == "layer" else torch.nn.RMSNorm(width, eps=1e-5)
    norm = norm.double().requires_grad_(False)
    for weight in norm.parameters():
        weight.copy_(torch.randn(width) + 0.5)
    head = torch.randn(11, width, dtype=torch.float64)
    bias = torch.randn(11, dtype=torch.float64)
    stream, weights = torch.randn(width).double() + 3, torch.randn(11).double()
    found = direction(Final(norm, head, bias), stream, weights)
    wanted = weights @ (head @ norm(stream[None])[0] + bias)
    assert float(found.vector @ stream) + found.constant == pytest.approx(float(wanted), abs=1e-9)
    assert found.fits


def test_a_norm_of_another_form_is_not_taken():
    final = Final(torch.tanh, torch.randn(5, 8).double())
    assert not direction(final, torch.randn(8).double() * 2, torch.randn(5).double()).fits
