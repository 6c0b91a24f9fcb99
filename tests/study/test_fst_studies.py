"""What the studies of fast-slow training claim, from planted rows, and how they count."""

import pytest

from duotempo.adapt.at_hand import rules_by_name
from duotempo.adapt.cycle import Plan
from duotempo.adapt.probes import Stand
from duotempo.study.base import Job, Row
from duotempo.study.fst_arms import ARMS as FST_ARMS
from duotempo.study.fst_arms import (
    BASE,
    FST,
    RL,
    RL_FASTER,
    SEQUENCE,
    SEQUENTIAL,
    TAGGED,
    Changing,
    scenes,
    task_of,
)
from duotempo.study.fst_attached import FstAttached
from duotempo.study.fst_claims import STEPS, best_rival, reached
from duotempo.study.fst_cost import FstCost
from duotempo.study.fst_peer import ours
from duotempo.study.fst_rulebook import FstRulebook, curves
from duotempo.tasks.rulebook import RuleTask


def rows_of(arm: str, metric: str, x: float | None, value: float) -> list[Row]:
    """A number of an arm, the same for two seeds."""
    return [Row(arm, seed, metric, x, value) for seed in (100, 101)]


def planted() -> list[Row]:
    """Fast-slow gets there in 6 steps, reinforcement learning in 60 or not at all."""
    rows = rows_of(FST, "steps.to", None, 6.0) + rows_of(FST, "rollouts.to", None, 1000.0)
    rows += rows_of(FST, "rollouts", None, 9000.0) + rows_of(FST, "kl.broad", None, 0.1)
    rows += rows_of(RL_FASTER, "steps.to", None, 60.0) + rows_of(RL, "rollouts", None, 11520.0)
    rows += rows_of(RL_FASTER, "rollouts.to", None, 5760.0)
    rows += rows_of(RL_FASTER, "rollouts", None, 11520.0)
    return rows + rows_of(RL_FASTER, "kl.broad", None, 5.0)


def claims(rows: list[Row]) -> dict[str, float]:
    """Claims by their text."""
    return {c.claim: c.value for c in FstRulebook().claims(rows)}


def test_a_run_that_never_got_there_counts_with_all_its_steps():
    rows = planted()
    assert set(reached(rows, RL, "steps.to").values()) == {float(STEPS)}
    assert set(reached(rows, RL, "rollouts.to").values()) == {11520.0}
    assert best_rival(rows) == RL_FASTER


def test_what_is_saved_is_told_against_the_best_rival():
    found = claims(planted())
    rival = f"the best RL arm ({RL_FASTER})"
    assert found[f"{FST}: steps to 0.9 of {rival} over ours"] == pytest.approx(10)
    assert found[f"{FST}: rollouts to 0.9 of that arm over ours, search included"] == pytest.approx(
        5.76
    )
    assert found[f"{FST}: KL on the broad mixture over that arm's"] == pytest.approx(0.02)


def test_interleaving_that_brings_nothing_is_published_as_missed():
    rows = rows_of(FST, "accuracy", float(STEPS), 1.0)
    rows += rows_of(SEQUENTIAL, "accuracy", float(STEPS), 1.0)
    said = {c.claim: c.holds for c in FstRulebook().claims(rows)}
    assert said == {f"{FST} minus `{SEQUENTIAL}`: right at the end": False}


def test_where_a_curve_levels_is_told_by_its_sigmoid():
    rows: list[Row] = []
    for arm, top in ((FST, 0.9), (RL_FASTER, 0.6)):
        rows += rows_of(arm, "rollouts", None, 9000.0)
        for x in range(6, STEPS + 1, 6):
            rows += rows_of(arm, "accuracy", float(x), top * x**2 / (x**2 + 900))
    text = f"{FST}: asymptote (sigmoid fit) minus that arm's"
    assert claims(rows)[text] == pytest.approx(0.3, abs=0.03)


def test_plasticity_is_told_against_the_base():
    rows = rows_of(FST, "probe", 60.0, 0.8) + rows_of(BASE, "probe", 60.0, 0.9)
    assert claims(rows)[f"{FST}: probe after 60 steps minus the base's"] == pytest.approx(-0.1)


def test_curves_tell_steps_and_rollouts_and_where_they_got():
    stands = [Stand(6 * i, 700 * i, "p", v) for i, v in enumerate((0.1, 0.95, 0.97), 1)]
    found = {(name, x): value for name, x, value in curves(stands)}
    assert found["steps.to", None] == 12.0
    assert found["rollouts.to", None] == 1400.0
    assert found["accuracy", 12.0] == found["by.rollouts", 1400.0] == 0.95
    assert found["rollouts", None] == 2100.0


def test_a_changing_task_changes_in_the_middle_and_is_asked_by_its_second_rule():
    plan = Plan(cycles=4, steps=2, problems=3)
    task = scenes(plan)["changing"].task
    assert isinstance(task, Changing)
    problems = task.problems("train", 0)
    first, second = (RuleTask(rule).problems("train", 0) for rule in (task.first, task.second))
    assert problems[:12] == first[:12]
    assert problems[12:] == second[12:]
    assert problems[11] != second[11]
    assert task.problems("test", 0) == RuleTask(task.second).problems("test", 0)


def test_a_task_of_the_tagged_arm_has_a_word_of_its_own():
    prompts = {task_of(FST_ARMS[TAGGED], n).seed_prompt for n in range(len(SEQUENCE))}
    assert len(prompts) == len(SEQUENCE)
    assert task_of(FST_ARMS[FST], 0).seed_prompt == RuleTask("inc").seed_prompt


def test_the_broad_mixture_is_the_same_for_every_arm():
    assert rules_by_name(20) == rules_by_name(20)
    assert len({asked.prompt for asked in rules_by_name(20)}) > 10


def test_every_arm_of_a_seed_is_a_job_of_its_own():
    jobs = FstRulebook().jobs("full")
    assert len(set(jobs)) == len(jobs)
    assert Job("unsayable: prompt", 104) in jobs


def test_a_step_s_price_is_told_within_a_repeat():
    rows = [Row("step", seed, "ours", None, 0.1 * (seed + 1)) for seed in (0, 1)]
    rows += [Row("step", seed, "trl", None, 0.2 * (seed + 1)) for seed in (0, 1)]
    found = [(c.claim, c.value, c.holds) for c in FstCost().claims(rows)]
    assert found == [("seconds of TRL's step over ours, equal model and batch", 2.0, True)]


def test_the_attached_study_tells_gains_against_both_channels_alone():
    rows: list[Row] = []
    for arm, value in (("fst", 0.9), ("rl", 0.5), ("prompt", 0.7)):
        rows += rows_of(arm, "score", 0.0, 0.2) + rows_of(arm, "score", 18.0, value)
    rows += rows_of("fst", "other", None, 0.1) + rows_of("base", "other", None, 0.2)
    found = {c.claim: (round(c.value, 6), c.holds) for c in FstAttached().claims(rows)}
    assert found["fst minus rl: score at the end"] == (0.4, True)
    assert found["fst minus prompt: score at the end"] == (0.2, True)
    assert found["rl: score gained"] == (0.3, True)
    assert found["fst: other tasks minus the model before"] == (-0.1, False)
    assert len(found) == 5


def test_steps_are_timed_on_a_tiny_model():
    pytest.importorskip("peft")
    assert all(seconds > 0 for seconds in ours(2))
