"""Laws that every study in the table keeps."""

import multiprocessing

import pytest

from duotempo.core import FixedShare, silent
from duotempo.study import STUDIES, Job, Row
from duotempo.study.mixture import ARMS, Mixture

each_study = pytest.mark.parametrize("name", STUDIES)


@each_study
def test_a_study_goes_by_its_name_and_asks_a_question(name):
    study = STUDIES[name]()
    assert study.name == name
    assert study.question.endswith("?")


@each_study
@pytest.mark.parametrize("size", ["smoke", "full"])
def test_no_job_is_listed_twice(name, size):
    jobs = STUDIES[name]().jobs(size)
    assert jobs
    assert len(set(jobs)) == len(jobs)


@each_study
def test_smoke_is_less_than_full(name):
    study = STUDIES[name]()
    assert len(study.jobs("smoke")) < len(study.jobs("full"))


@each_study
def test_a_study_travels_to_another_process(name):
    study = STUDIES[name]()
    here, there = multiprocessing.Pipe()
    here.send(study)
    assert there.recv() == study


@pytest.mark.parametrize("arm", ARMS)
def test_voices_depend_on_nothing_but_arm_and_seed(arm):
    study = Mixture(tokens=40)
    first = study.measure(Job(arm, 3), "smoke", silent)
    assert study.measure(Job(arm, 3), "smoke", silent) == first
    assert study.measure(Job(arm, 4), "smoke", silent) != first


def test_the_default_share_keeps_its_bound_in_every_arm():
    study = Mixture(shares=(FixedShare().share,))
    rows = [row for arm in ARMS for row in study.measure(Job(arm, 0), "smoke", silent)]
    slack = [row.value for row in rows if row.metric == "slack"]
    assert len(slack) == len(ARMS)
    assert min(slack) >= -1e-9


def test_a_broken_bound_is_a_claim_that_does_not_hold():
    study = Mixture(shares=(0.0, FixedShare().share), tokens=40)
    rows = [row for arm in ARMS for row in study.measure(Job(arm, 0), "smoke", silent)]
    rows.append(Row("trap", 0, "slack", 0.02, -0.5))
    broken = study.claims(rows)[0]
    assert (broken.value, broken.holds) == (-0.5, False)
