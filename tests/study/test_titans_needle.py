"""The needles' studies: small arms train, are asked, and become rows; rows become claims."""

import math

import pytest

from duotempo.core import silent
from duotempo.study import STUDIES, Row
from duotempo.study.figure import WIDE, svg
from duotempo.study.titans_ablation import FAR, TitansAblation
from duotempo.study.titans_needle import ENDS, TitansNeedle
from duotempo.study.titans_needle_claims import BEST, METRICS, WINDOW

CLOCKS = {"train.seconds", "read.seconds"}


def measured(study):
    """The rows of a smoke run, and what they are without the clocks'."""
    rows = [row for job in study.jobs("smoke") for row in study.measure(job, "smoke", silent)]
    return rows, [row for row in rows if row.metric not in CLOCKS]


@pytest.mark.parametrize("name", ["titans-needle", "titans-ablation"])
def test_smoke_walks_the_whole_way(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = STUDIES[name]()
    rows, sure = measured(study)
    assert {row.metric for row in rows} == set(METRICS) - {"depth"}
    assert all(math.isfinite(row.value) for row in rows)
    asked = [(row.arm, row.x) for row in rows if row.metric == "passkey"]
    assert asked == [(arm, x) for arm in study.smoke for x in (512.0, 1024.0)]
    assert study.claims(rows)
    assert all("<svg" in svg(figure, "f", WIDE) for figure in study.figures(rows))
    assert measured(study)[1] == sure, "a trained model is asked again, and answers as before"


def recalled(arm, share, ends):
    """Rows of an arm that recalls a share of its passkeys at each distance, in flat memory."""
    given = {"passkey": share, "state": 800.0}
    return [
        Row(arm, s, name, float(x), v) for s in (0, 1) for x in ends for name, v in given.items()
    ]


@pytest.mark.parametrize(("share", "holds"), [(1.0, True), (0.5, False)])
def test_recall_is_held_against_its_targets(share, holds):
    rows = recalled(BEST, share, ENDS) + recalled(WINDOW, 0.04 * (1 - share), ENDS[:5])
    made = {claim.claim: claim.holds for claim in TitansNeedle().claims(rows)}
    recall = [held for text, held in made.items() if "exact" in text]
    assert len(recall) == 4
    assert set(recall) == {holds}


def test_a_state_that_grows_is_no_flat_state():
    rows = recalled(BEST, 1.0, ENDS)
    grown = [Row(r.arm, r.seed, r.metric, r.x, r.value + (r.x == ENDS[-1])) for r in rows]
    for given, holds in ((rows, True), (grown, False)):
        (claim,) = (c for c in TitansNeedle().claims(given) if "state after" in c.claim)
        assert claim.holds is holds


def test_an_ablation_is_held_against_the_whole_of_its_own_seed():
    rows = [Row(BEST, seed, "passkey", FAR, 0.5 + seed / 4) for seed in (0, 1)]
    rows += [Row("without decay", seed, "passkey", FAR, 0.4 + seed / 4) for seed in (0, 1)]
    (claim,) = TitansAblation().claims(rows)
    assert claim.value == pytest.approx(-0.1)
    assert claim.low == pytest.approx(-0.1)
    assert claim.holds
