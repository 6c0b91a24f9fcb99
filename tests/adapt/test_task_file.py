"""Laws of finding a task: files of users, rules, and one sentence for what is none."""

from pathlib import Path

import pytest

from duotempo.adapt.task_file import find_task
from duotempo.core import UserError
from duotempo.tasks.rulebook import RuleTask

GOOD = """
from duotempo.tasks.verifiable import Problem, Score

class Shout:
    seed_prompt = "Say it."
    def problems(self, split, seed):
        return [Problem("hello", "HELLO")]
    def score(self, problem, answer):
        return Score(float(answer == problem.answer))
"""


def written(folder, text):
    """A task's file."""
    path = folder / "shout.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_with_one_class_is_a_task(tmp_path):
    path = written(tmp_path, GOOD)
    found = find_task(str(path))
    assert found.name == "shout"
    assert found.task.seed_prompt == "Say it."
    assert found.task.score(found.task.problems("train", 0)[0], "HELLO").value == 1
    path.write_text(GOOD + "\n# changed\n", encoding="utf-8")
    assert find_task(str(path)).mark != found.mark


def test_an_object_named_task_goes_before_classes(tmp_path):
    text = GOOD + '\nclass Other(Shout):\n    seed_prompt = "No."\n\ntask = Other()\n'
    assert find_task(str(written(tmp_path, text))).task.seed_prompt == "No."


def test_a_rule_is_a_task():
    assert find_task("rulebook:jump+ends").task == RuleTask("jump+ends")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "no class with seed_prompt"),
        (GOOD + "\nclass Second(Shout):\n    pass\n", "2 classes"),
        ("class A\n", "line 1: "),
        ("import nothing_of_that_name\n", "cannot be run"),
        (GOOD.replace('    seed_prompt = "Say it."\n', ""), "no text `seed_prompt`"),
        ("task = 3\n", "no method problems"),
        (GOOD + "\n    def __init__(self, x):\n        self.x = x\n", "made without arguments"),
    ],
)
def test_a_file_that_is_no_task_says_why(text, said, tmp_path):
    with pytest.raises(UserError, match=said):
        find_task(str(written(tmp_path, text)))


def test_a_name_that_is_none_is_told_the_known_ones(tmp_path):
    with pytest.raises(UserError, match="rulebook:jump"):
        find_task("no-such-task")
    with pytest.raises(UserError, match="there is no file"):
        find_task(str(tmp_path / "gone.py"))


def test_the_tutorial_s_task_is_twenty_lines_and_works():
    path = Path(__file__).parent.parent.parent / "examples" / "sort_mail.py"
    lines = [x for x in path.read_text(encoding="utf-8").splitlines() if x.strip()]
    assert len(lines) - 1 <= 20  # the first line says what it is for
    task = find_task(str(path)).task
    train, test = (task.problems(split, 0) for split in ("train", "test"))
    assert not {p.text for p in train} & {p.text for p in test}
    assert all(task.score(p, p.answer.title() + ".").value == 1 for p in train)
    assert task.score(train[0], "It is a bug, I think").value == 0.5
    assert task.score(train[0], "praise").value == 0
