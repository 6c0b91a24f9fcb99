"""The command `train`: what it lists, what it refuses, how it goes on, what it says."""

import json
import os
import re
import signal

import pytest

from duotempo.cli.app import run
from duotempo.core import UserError
from duotempo.recipes import find, listing

RECIPE = '''"""A recipe of someone's own."""

from duotempo.train import Run
from tests.train.tiny import Echo, a_run


def small() -> Run:
    """Six steps."""
    return a_run(held_out=Echo())


def nothing():
    """No run."""
    return 3
'''


@pytest.fixture
def called(monkeypatch, tmp_path, capsys):
    """Run `duotempo train` in a folder with a recipe; returns code, output and errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(RECIPE)

    def call(*argv):
        code = run(["train", *argv])
        return code, *capsys.readouterr()

    return call


def test_without_a_recipe_they_are_listed(called):
    code, out, _ = called()
    assert code == 0
    for name, said in listing().items():
        assert re.search(rf"{name} +{re.escape(said)}", out)
    assert json.loads(called("--json")[1]) == listing()


def test_a_listing_names_public_functions_that_return_a_run(tmp_path):
    (tmp_path / "mine.py").write_text(RECIPE + "\n\ndef _hidden() -> Run: ...\n")
    (tmp_path / "_no.py").write_text(RECIPE)
    assert listing(tmp_path) == {"mine:small": "Six steps."}


def test_every_recipe_says_what_it_makes_and_is_found_by_both_names():
    for name, said in listing().items():
        assert said
        assert find(name) is find(f"recipes.{name}")


def test_a_run_ends_with_its_numbers_and_its_model(called, tmp_path):
    code, out, err = called("mine.py:small", "--seed", "3", "--threads", "1")
    assert (code, err) == (0, "")
    folder = tmp_path / "runs" / "mine-small-3"
    assert re.search(r"trained +6 steps, 336 tokens in \d+ s\n", out)
    assert re.search(r"held out +\d\.\d{3} bits per token\n", out)
    assert re.search(r"model +runs/mine-small-3/model\n", out)
    assert sorted(path.name for path in folder.iterdir()) == [
        "checkpoints", "log.jsonl", "model", "run.json",
    ]  # fmt: skip
    assert json.loads((folder / "run.json").read_text())["seed"] == 3


def test_json_for_machines(called):
    code, out, _ = called("mine.py:small", "--out", "here", "--steps", "4", "--json")
    facts = json.loads(out)
    assert code == 0
    assert (facts["recipe"], facts["steps"], facts["model"]) == ("mine.py:small", 4, "here/model")
    assert set(facts["held_out"]) == {"bits", "right", "exact", "tokens", "answers"}


def test_ctrl_c_saves_and_says_how_to_go_on(called, monkeypatch, tmp_path):
    import duotempo.train.loop as loop

    real = loop.learn

    def interrupted(run, learner, progress):
        if progress.step == 1:
            os.kill(os.getpid(), signal.SIGINT)
        return real(run, learner, progress)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "learn", interrupted)
        code, out, err = called("mine.py:small", "--out", "here")
    assert (code, out) == (130, "")
    assert err.startswith("a checkpoint is in here: the same command (without --fresh) goes on")
    assert [p.name for p in (tmp_path / "here" / "checkpoints").iterdir()] == ["step-000000002"]
    code, out, _ = called("mine.py:small", "--out", "here")
    assert code == 0
    assert "6 steps" in out
    log = (tmp_path / "here" / "log.jsonl").read_text()
    steps = [json.loads(line) for line in log.splitlines()]
    assert [line["step"] for line in steps if "loss" in line] == [1, 2, 3, 4, 5, 6]


def test_another_run_in_the_same_folder_needs_fresh(called):
    assert called("mine.py:small", "--out", "here")[0] == 0
    code, _, err = called("mine.py:small", "--out", "here", "--steps", "2")
    assert code == 2
    assert "here holds another run: train in another folder (--out), or start anew" in err
    assert called("mine.py:small", "--out", "here", "--steps", "2", "--fresh")[0] == 0


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("needle:nothing", "recipe 'needle:nothing' is unknown: use one of"),
        ("passkey", "recipe 'passkey' is unknown: use one of"),
        ("mine.py", "recipe 'mine.py' is unknown"),
        ("other.py:small", "there is no file other.py: give the path"),
        ("mine.py:large", "mine.py has no function 'large'"),
        ("mine.py:nothing", "mine.py:nothing returned no Run"),
        ("broken.py:small", "broken.py cannot be loaded"),
    ],
)
def test_a_wrong_recipe_is_one_sentence(name, said, called, tmp_path):
    (tmp_path / "broken.py").write_text("def small(:\n")
    code, out, err = called(name)
    assert (code, out) == (2, "")
    assert err.startswith(f"error: {said}")
    assert err.count("\n") == 1


def test_a_sink_that_is_not_installed_is_told_before_the_first_step(called, monkeypatch, tmp_path):
    import sys

    monkeypatch.setitem(sys.modules, "trackio", None)
    code, _, err = called("mine.py:small", "--sink", "trackio")
    assert code == 2
    assert "pip install 'duotempo[track]'" in err
    assert not (tmp_path / "runs").exists()


def test_a_name_is_found_only_when_it_is_listed():
    with pytest.raises(UserError, match="unknown"):
        find("__init__:find")
