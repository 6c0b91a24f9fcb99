"""The command functions: what a person and a machine are told."""

import json

import pytest

from duotempo.cli import study as command
from duotempo.cli.common import Common
from duotempo.core import UserError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def planted(tmp_path, monkeypatch):
    from planted import Planted

    monkeypatch.setattr(command, "STUDIES", {"planted": lambda: Planted(tmp_path / "diary")})


def test_no_name_lists_the_studies(capsys, planted):
    command.study()
    assert capsys.readouterr().out == "planted  Are planted numbers found again?\n"
    command.study(common=Common(json=True))
    assert json.loads(capsys.readouterr().out) == {"planted": "Are planted numbers found again?"}


def test_a_study_ends_with_its_claims_and_the_path_of_its_report(capsys, planted, empty_folder):
    command.study("planted", workers=1, common=Common(quiet=True))
    out, err = capsys.readouterr()
    assert "mean" in out
    assert "report  runs/planted-full/report.html" in out
    assert err == ""
    assert "Are planted numbers" in (empty_folder / "runs/planted-full/report.html").read_text()


def test_a_full_study_in_a_checkout_is_published_and_verified(capsys, planted, empty_folder):
    published = empty_folder / "benchmarks" / "results"
    published.mkdir(parents=True)
    command.study("planted", workers=1, common=Common(quiet=True, json=True))
    facts = json.loads(capsys.readouterr().out)
    assert facts["published"] == "benchmarks/results/planted.json"
    assert [claim["holds"] for claim in facts["claims"]] == [True, True]
    command.verify()
    path = published / "planted.json"
    path.write_text(path.read_text().replace('"mean", "value": 2.0', '"mean", "value": 2.5'))
    with pytest.raises(UserError, match="1 differences"):
        command.verify()
    assert "'mean' = 2.5" in capsys.readouterr().out


def test_a_smoke_run_is_not_published(capsys, planted, empty_folder):
    published = empty_folder / "benchmarks" / "results"
    published.mkdir(parents=True)
    command.study("planted", size="smoke", workers=1, common=Common(quiet=True))
    assert list(published.iterdir()) == []


def test_an_unknown_study_is_named_with_those_there_are(planted):
    with pytest.raises(UserError, match="'nope' is unknown: use one of planted"):
        command.study("nope")


def test_a_seed_is_refused_since_a_study_has_its_own(planted):
    with pytest.raises(UserError, match="leave out --seed"):
        command.study("planted", common=Common(seed=3))


def test_an_interrupted_study_says_how_to_go_on(planted, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        command.study("planted")
    assert "the same command goes on with the rest" in capsys.readouterr().err
