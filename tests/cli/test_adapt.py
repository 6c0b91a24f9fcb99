"""The command `adapt`: a task from a file, what it refuses, how it goes on, what it says."""

import json

import pytest

from duotempo.cli.app import run
from duotempo.models.saved import save_model
from tests.adapt.lives import small

TASK = """
from duotempo.tasks.verifiable import Score
from duotempo.tasks.rulebook import RuleTask


class Even:
    seed_prompt = "solve - -"

    def problems(self, split, seed):
        return RuleTask("jump").problems(split, seed)[:40]

    def score(self, problem, answer):
        return Score(sum(word in "02468" for word in answer.split()) / 4)
"""
ONE = ("--cycles", "1", "--steps", "1", "--problems", "2", "--group", "2", "--test", "4")
SLOW = ("--method", "rl", *ONE)
SHORT = ("--cycles", "2", "--steps", "1", "--problems", "2", "--group", "2", "--test", "8")


@pytest.fixture
def called(tmp_path, monkeypatch, capsys):
    """Run `duotempo adapt` in a folder with a task and a model; code, output, errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "even.py").write_text(TASK, encoding="utf-8")
    save_model(tmp_path / "model", small().model)

    def call(*argv):
        code = run(["adapt", *argv])
        return code, *capsys.readouterr()

    return call


def test_a_task_from_a_file_is_adapted_to_and_reported(called, tmp_path):
    options = ("--task", "even.py", "--model", "model", "--rate", "1e-2", *SHORT)
    code, out, err = called(*options)
    assert code == 0
    assert "before" in out
    assert "cycle 2" in err
    folder = tmp_path / "runs" / "adapt-even-fst-0"
    assert "Family tree" in (folder / "report.html").read_text(encoding="utf-8")
    code, again, _ = called(*options)
    assert code == 0
    assert again == out
    code, out, _ = called("--json", "--quiet", *options)
    assert json.loads(out)["cycle"] == 2


def test_an_adapted_model_is_adapted_again_and_its_tasks_are_tested_again(called):
    first = ("--task", "rulebook:jump", "--model", "model", "--out", "one", *SLOW)
    assert called(*first)[0] == 0
    then = ("--task", "rulebook:dec", "--model", "one", "--out", "two", "--json", *SLOW)
    code, out, _ = called(*then)
    assert code == 0
    assert set(json.loads(out)["retention"]) == {"rulebook:jump"}


def test_what_stands_in_a_store_is_never_run(called, tmp_path):
    """A store may be a stranger's: a task in a file is tested again only if the user names it."""
    first = ("--task", "even.py", "--model", "model", "--out", "one", *SLOW)
    assert called(*first)[0] == 0
    store = json.loads((tmp_path / "one" / "prompts.json").read_text(encoding="utf-8"))
    evil = tmp_path / "evil.py"
    evil.write_text("raise SystemExit('run')", encoding="utf-8")
    (tmp_path / "one" / "prompts.json").write_text(
        json.dumps(store | {str(evil): {"prompt": "-", "score": 0.5}}), encoding="utf-8"
    )
    then = ("--task", "rulebook:dec", "--model", "one", "--json", *SLOW)
    code, out, _ = called(*then, "--out", "two")
    assert (code, json.loads(out)["retention"]) == (0, {})
    code, out, _ = called(*then, "--out", "three", "--retest", "even.py")
    assert (code, set(json.loads(out)["retention"])) == (0, {"even"})


def test_answers_may_be_used_twice(called):
    options = ("--task", "even.py", "--model", "model", "--rate", "1e-2", "--reuse", "--json")
    code, out, _ = called(*options, "--cycles", "1", "--steps", "2", "--problems", "4")
    assert code == 0
    assert json.loads(out)["reused"] > 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--method", "prompt", "--rate", "1e-3"), "leaves the weights alone"),
        (("--method", "prompt", "--reuse"), "weights that learn"),
        (("--method", "rl", "--reflector", "self"), "edits no prompts"),
        (("--reflector-model", "m"), "an endpoint's"),
        (("--reflector", "http://127.0.0.1:1"), "cannot edit the rulebook"),
        (("--model", "nowhere/at-all"), "nowhere/at-all"),
        (("--task", "gone.py"), "there is no file"),
        (("--rate", "0"), "Must be > 0"),
        (("--prompts", "9"), "give --group 9 too"),
        (("--method", "rl", "--prompts", "3"), "edits no prompts"),
        (("--method", "prompt", "--rank", "4"), "leaves the weights alone"),
    ],
)
def test_what_contradicts_itself_is_refused_in_a_sentence(called, options, said):
    whole = {"--task": "even.py", "--model": "model"} | dict(
        zip(options[::2], options[1::2], strict=False)
    )
    flags = [o for o in options if o == "--reuse"]
    argv = [part for pair in whole.items() for part in pair if not flags or pair[0] != "--reuse"]
    code, _, err = called(*argv, *flags, *SHORT)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_run_of_other_settings_is_not_gone_on_with(called):
    options = ("--task", "even.py", "--model", "model", "--out", "here", *SLOW)
    assert called(*options)[0] == 0
    code, _, err = called(*options, "--seed", "3")
    assert code == 2
    assert "another run" in err
    assert called(*options, "--seed", "3", "--fresh")[0] == 0


def test_nothing_is_deleted_before_all_is_checked(called, tmp_path):
    options = ("--task", "even.py", "--out", "here", *SLOW)
    assert called(*options, "--model", "model")[0] == 0
    for model, said in (
        ("modle", "modle"),
        ("here", "give another --out"),
        ("here/model", "--out"),
    ):
        code, _, err = called(*options, "--model", model, "--fresh")
        assert (code, said in err) == (2, True)
        assert (tmp_path / "here" / "model").is_dir()


def test_a_verifier_that_fails_is_told(called, tmp_path):
    broken = TASK.replace("return Score(sum", "raise KeyError('unit')\n        return Score(sum")
    (tmp_path / "broken.py").write_text(broken, encoding="utf-8")
    code, _, err = called("--task", "broken.py", "--model", "model", *SHORT)
    assert code == 2
    assert "KeyError: 'unit'" in err
