"""The studies of sleep: small arms train, are asked, and become rows; rows become claims."""

import math

import pytest

from duotempo.core import silent
from duotempo.recipes.sleep import ARMS, LARGE, SMALL, arm_run
from duotempo.sleep.recurrent import Sleeper
from duotempo.study import STUDIES, Row
from duotempo.study.base import Job
from duotempo.study.figure import WIDE, svg
from duotempo.study.sleep_depo import SleepDepo
from duotempo.study.sleep_depo_claims import FIXED, SAMPLED, own
from duotempo.study.sleep_guard import guarded
from duotempo.tasks.depo import Depo


@pytest.mark.parametrize("name", ["sleep-depo", "sleep-text", "sleep-rule110", "sleep-cost"])
def test_smoke_walks_the_whole_way(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = STUDIES[name]()
    jobs = study.jobs("smoke")
    jobs = jobs[:1] if name == "sleep-cost" else jobs  # the other starts ten processes
    rows = [row for job in jobs for row in study.measure(job, "smoke", silent)]
    assert {row.metric for row in rows} <= set(study.metrics)
    assert all(math.isfinite(row.value) for row in rows)
    assert {(row.arm, row.seed) for row in rows} == {(job.arm, job.seed) for job in jobs}
    assert study.claims(rows)
    assert all("<svg" in svg(f, "f", WIDE) for f in study.figures(rows) if f.series)


@pytest.mark.parametrize("arm", ARMS)
def test_every_arm_of_depo_is_a_run_whose_model_reads_a_row(arm):
    run = arm_run(arm)
    model, batch = run.model.build().eval(), SMALL.batch(0, 0)
    logits, _ = model(batch.tokens[:2])
    assert logits.shape == (2, batch.tokens.shape[1], SMALL.vocabulary)
    assert isinstance(model, Sleeper) == (arm != "attention, no eviction")


def test_equal_compute_is_equal_block_tokens():
    """39 against 15 tokens through the block for each row: the reading, and 3 more passes."""
    window, rest = SMALL.context, SMALL.batch(0, 0).tokens.shape[1] - SMALL.context
    assert ARMS["N=1, same compute"].longer == pytest.approx((4 * window + rest) / (window + rest))
    assert arm_run("N=4").steps == arm_run("N=1").steps
    assert arm_run("N sampled", LARGE).model.policy.passes == LARGE.hops


def rows_of(arm: str, right: float, seeds=range(5)) -> list[Row]:
    return [Row(arm, s, f"hop.{h}", own(arm), right) for s in seeds for h in (1, 4)]


@pytest.mark.parametrize(("four", "holds"), [(0.9, True), (0.4, False)])
def test_the_headline_is_held_against_its_target(four, holds):
    rows = rows_of("N=1", 0.25) + rows_of("N=4", four)
    found = {claim.claim: claim for claim in SleepDepo().claims(rows)}
    assert found["hop 4: N=4 minus N=1"].value == pytest.approx(four - 0.25)
    assert found["hop 4: N=4 minus N=1"].holds is holds
    assert found["hop 1: N=4 from N=1, either way"].holds is False


def test_a_control_that_is_better_is_published_as_such():
    rows = rows_of("N=4", 0.8) + rows_of("N=4, rule alone", 0.9)
    (claim,) = (c for c in SleepDepo().claims(rows) if "rule alone" in c.claim)
    assert claim.value == pytest.approx(-0.1)
    assert not claim.holds


def test_every_arm_of_sleep_has_five_seeds_and_every_control_three():
    jobs = SleepDepo().jobs("full")
    count = {arm: sum(job.arm == arm for job in jobs) for arm in ARMS}
    assert {arm: n for arm, n in count.items() if n == 5}.keys() == {*FIXED, SAMPLED}
    assert set(count.values()) == {3, 5}
    assert len(set(jobs)) == len(jobs)
    assert min(job.seed for job in jobs) >= 100
    assert SleepDepo().jobs("smoke")[0] == Job("N=1", 0)


def test_the_guards_row_is_one_of_the_passes_it_was_offered():
    model = arm_run("N=4").model.build().eval()
    found = {(metric, x): value for metric, x, value in guarded(model, Depo(), 4, 0)}
    assert 0 <= found["guard.passes", None] <= 8
    assert {x for metric, x in found if metric == "guard.fixed"} == set(map(float, range(1, 9)))
    assert all(0 <= value <= 1 for (m, _), value in found.items() if m != "guard.passes")
