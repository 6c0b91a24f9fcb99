"""The result file: what is written comes back, and no claim can change unseen."""

import dataclasses
import json
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.core.provenance import commit, machine
from duotempo.study import STUDIES, Claim, Job, Row
from duotempo.study.mixture import Mixture
from duotempo.study.results import Result, dump, load, save, verify

numbers = st.floats(allow_nan=False, allow_infinity=False)
rows = st.builds(Row, st.text(), st.integers(), st.text(), st.none() | numbers, numbers)
claims = st.builds(Claim, st.text(), numbers, numbers, numbers, st.text(), st.booleans())


def result(rows=(), claims=()):
    return Result("mixture", "c", "abc", {"cpu": "x"}, 1.5, 1, {}, {}, tuple(rows), tuple(claims))


@pytest.fixture(scope="module")
def measured():
    """A true result of a few jobs."""
    study = Mixture(shares=(0.0, 0.02), tokens=50)
    arms = {job.arm for job in study.jobs("smoke")}
    rows = [
        row
        for arm in sorted(arms)
        for seed in (0, 1)
        for row in study.measure(Job(arm, seed), "smoke", lambda *_: None)
    ]
    made = result(rows, study.claims(rows))
    return study, dataclasses.replace(made, metrics=dict(study.metrics))


@given(st.lists(rows, max_size=4), st.lists(claims, max_size=3))
def test_what_is_written_comes_back(tmp_path_factory, rows, claims):
    path = tmp_path_factory.getbasetemp() / "result.json"
    save(path, result(rows, claims))
    assert load(path) == result(rows, claims)


def test_a_row_is_a_line():
    made = [Row("a", seed, "m", None, 0.5) for seed in range(7)]
    lines = dump(result(made)).splitlines()
    assert [json.loads(line.rstrip(",")) for line in lines if line.startswith("  {")] == [
        dataclasses.asdict(row) for row in made
    ]


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"rows": [{"arm": 1}]}', "\x00"])
def test_a_broken_file_is_refused_with_a_sentence(tmp_path, text):
    (tmp_path / "mixture.json").write_text(text)
    with pytest.raises(UserError, match=r"mixture\.json"):
        load(tmp_path / "mixture.json")
    (line,) = verify(tmp_path, {})
    assert "mixture.json" in line


def test_a_missing_file_and_an_empty_folder_are_not_a_pass(tmp_path):
    with pytest.raises(UserError, match="does not exist"):
        load(tmp_path / "none.json")
    with pytest.raises(UserError, match="no result file"):
        verify(tmp_path, {})


def found(tmp_path, study, changed):
    save(tmp_path / "mixture.json", changed)
    return verify(tmp_path, {"mixture": lambda: study})


def test_a_true_result_has_no_difference(tmp_path, measured):
    assert found(tmp_path, *measured) == []


@pytest.mark.parametrize(
    "change",
    [
        {"value": 0.123},
        {"low": -9.0},
        {"high": 9.0},
        {"target": ">= -5"},
        {"holds": False},
        {"claim": "invented"},
    ],
)
def test_a_changed_claim_is_found(tmp_path, measured, change):
    study, true = measured
    place = next(i for i, claim in enumerate(true.claims) if claim.holds)
    claims = list(true.claims)
    claims[place] = dataclasses.replace(claims[place], **change)
    lines = found(tmp_path, study, dataclasses.replace(true, claims=tuple(claims)))
    assert lines
    assert all(line.startswith("mixture.json: claim") or "target" in line for line in lines)


def test_a_claim_left_out_is_found(tmp_path, measured):
    study, true = measured
    (line,) = found(tmp_path, study, dataclasses.replace(true, claims=true.claims[1:]))
    assert "is in the study, not in the file" in line


def test_a_changed_row_is_found(tmp_path, measured):
    study, true = measured
    row = next(r for r in true.rows if (r.arm, r.metric, r.x) == ("changing", "over_slow", 0.02))
    rows = tuple(dataclasses.replace(r, value=9.0) if r is row else r for r in true.rows)
    assert found(tmp_path, study, dataclasses.replace(true, rows=rows))


def test_an_unknown_metric_or_study_is_found(tmp_path, measured):
    study, true = measured
    assert found(tmp_path, study, dataclasses.replace(true, metrics={}))
    more = dataclasses.replace(true, rows=(*true.rows, Row("even", 0, "new", 1.0, 1.0)))
    assert any("'new' has rows but no meaning" in line for line in found(tmp_path, study, more))
    assert verify(tmp_path, {}) == [
        "mixture.json: holds study 'mixture', which is not its name or not known"
    ]


def test_a_result_tells_the_machine_without_naming_it():
    about = machine()
    assert {"cpu", "cores", "memory_gib", "python", "torch", "transformers"} <= set(about)
    assert not any(str(value).startswith(("/", socket.gethostname())) for value in about.values())
    assert commit()


@pytest.mark.slow  # `make verify` does the same
def test_every_published_claim_follows_from_its_rows(request):
    folder = request.config.rootpath / "benchmarks" / "results"
    assert verify(folder, STUDIES) == []
