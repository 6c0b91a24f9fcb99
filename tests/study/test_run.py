"""Running a study: every job once, whatever is killed, fails or dies on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from duotempo.core import UserError, silent
from duotempo.study import Job
from duotempo.study.results import load
from duotempo.study.run import JobsFailed, Settings, run


@pytest.fixture
def diary(tmp_path):
    return tmp_path / "diary.txt"


@pytest.fixture
def settings(tmp_path):
    return Settings("smoke", workers=2, quiet=True, runs=tmp_path / "runs")


def planted(diary, **options):
    from planted import Planted

    return Planted(diary, **options)


def tried(diary):
    """Jobs in the order of their tries."""
    return [line.split()[0] for line in diary.read_text().splitlines()]


def rows_here(study):
    """The rows as this process measures them, one job after the other."""
    return {row for job in study.jobs("smoke") for row in study.measure(job, "smoke", silent)}


def test_rows_are_those_of_measuring_here_whatever_the_number_of_workers(diary, tmp_path):
    study = planted(diary)
    expected = rows_here(study)
    results = [
        run(study, Settings("smoke", workers=n, quiet=True, runs=tmp_path / str(n))) for n in (1, 2)
    ]
    assert set(results[0].rows) == expected
    assert len(results[0].rows) == len(expected)
    assert results[0].rows == results[1].rows
    assert results[0].claims == tuple(study.claims(results[0].rows))
    assert load(tmp_path / "1" / "planted-smoke" / "result.json") == results[0]


def test_a_finished_run_measures_nothing_again(diary, settings):
    study = planted(diary)
    first = run(study, settings)
    assert sorted(tried(diary)) == ["a0", "a1", "a2", "b0", "b1", "b2"]
    assert run(study, settings) == first
    assert len(tried(diary)) == 6


def test_fresh_measures_everything_again(diary, settings):
    study = planted(diary)
    run(study, settings)
    kept = settings.runs / "planted-models" / "smoke" / "a0"
    kept.mkdir(parents=True)
    run(study, Settings("smoke", workers=2, quiet=True, fresh=True, runs=settings.runs))
    assert len(tried(diary)) == 12
    assert not kept.exists()


def start(diary, runs):
    """A run in a process of its own, with at least two jobs finished."""
    script = Path(__file__).parent / "planted.py"
    process = subprocess.Popen(
        [sys.executable, script, diary, runs],
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # nohup ignores it
    )
    jobs, end = runs / "planted-smoke" / "jobs", time.monotonic() + 60
    while len(list(jobs.glob("*.json"))) < 2:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
    return process


def ended(pid):
    """Whether a process is gone, at the latest in ten seconds."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except FileNotFoundError:
            return True
        if stat.rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_stopped_run_goes_on_where_it_was(how, diary, tmp_path, settings):
    process = start(diary, settings.runs)
    os.killpg(process.pid, how) if how == signal.SIGINT else process.send_signal(how)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert all(ended(line.split()[1]) for line in diary.read_text().splitlines())
    cards = list((settings.runs / "planted-smoke" / "jobs").glob("*.json"))
    kept = [json.loads(card.read_text())["job"] for card in cards]
    kept = {f"{job['arm']}{job['seed']}" for job in kept}
    assert 2 <= len(kept) < 6
    before = tried(diary)
    result = run(planted(diary, seconds=0.4), settings)
    assert set(tried(diary)[len(before) :]) == {"a0", "a1", "a2", "b0", "b1", "b2"} - kept
    assert set(result.rows) == rows_here(planted(tmp_path / "other"))


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        ("raise", "ValueError: planted error"),
        ("die", "its process ended with code 7"),
        ("nan", "size of b at x=0.0 is nan"),
        ("metric", "metric 'unheard of' has no meaning"),
    ],
)
def test_a_failing_job_costs_only_itself(trouble, says, diary, settings):
    with pytest.raises(JobsFailed, match=says) as raised:
        run(planted(diary, trouble=trouble), settings)
    assert [failure.job for failure in raised.value.failures] == [Job("b", 1)]
    folder = settings.runs / "planted-smoke"
    assert len(list((folder / "jobs").glob("*.json"))) == 5
    assert not (folder / "result.json").exists()
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["seed"] for line in log if line["event"] == "failed"] == [1]


def test_a_run_with_other_settings_is_refused_and_left_alone(diary, settings):
    first = run(planted(diary), settings)
    with pytest.raises(UserError, match=r"differs in its settings: add --fresh"):
        run(planted(diary, seconds=0.01), settings)
    with pytest.raises(UserError, match="threads"):
        run(planted(diary), Settings("smoke", threads=2, quiet=True, runs=settings.runs))
    assert run(planted(diary), settings) == first


def test_a_job_computes_with_the_threads_it_was_given(diary, tmp_path):
    settings = Settings("smoke", workers=1, threads=3, quiet=True, runs=tmp_path / "runs")
    result = run(planted(diary, trouble="threads"), settings)
    assert {row.value for row in result.rows if row.x == 0} == {3.0}


def test_a_run_without_a_terminal_says_a_line_a_job(diary, tmp_path, capsys):
    run(planted(diary), Settings("smoke", workers=1, runs=tmp_path / "runs"))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 6
    assert lines[0].startswith("[1/6] a, seed 0: 2 rows in")


def test_ray_that_is_missing_is_named_before_anything_is_taken_away(diary, settings, monkeypatch):
    run(planted(diary), settings)
    monkeypatch.setitem(sys.modules, "ray", None)
    again = Settings("smoke", engine="ray", fresh=True, quiet=True, runs=settings.runs)
    with pytest.raises(UserError, match=r"duotempo\[cluster\]"):
        run(planted(diary), again)
    assert (settings.runs / "planted-smoke" / "result.json").exists()


def test_ray_gives_the_same_rows(diary, tmp_path):
    pytest.importorskip("ray")
    result = run(planted(diary), Settings("smoke", engine="ray", quiet=True, runs=tmp_path / "r"))
    assert set(result.rows) == rows_here(planted(diary))


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"threads": 0}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match="at least 1"):
        Settings(**wrong)
