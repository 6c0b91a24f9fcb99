"""Laws of the chat tasks: splits share nothing, the right words alone are worth 1, prompts help."""

import pytest

from duotempo.core import UserError
from duotempo.tasks.chat_tasks import CHAT_TASKS, MANY
from duotempo.tasks.verifiable import Problem, Task

each_task = pytest.mark.parametrize("task", CHAT_TASKS.values(), ids=list(CHAT_TASKS))


@each_task
def test_splits_share_nothing_whatever_their_seeds(task):
    assert isinstance(task, Task)
    train = {p.text for seed in range(3) for p in task.problems("train", seed)}
    test = {p.text for seed in range(3) for p in task.problems("test", seed)}
    assert not train & test


@each_task
def test_a_seed_decides_the_problems(task):
    for split, many in MANY.items():
        problems = task.problems(split, 1)
        assert len({p.text for p in problems}) == len(problems) == many
        assert problems == task.problems(split, 1)
        assert problems != task.problems(split, 2)


@each_task
def test_the_expected_words_are_worth_one_and_are_short(task):
    for problem in task.problems("train", 0):
        for answer in (problem.answer, f' "{problem.answer.upper()}". '):
            assert task.score(problem, answer).value == 1.0
        assert 0 < len(problem.answer) <= 16


@each_task
def test_so_many_words_may_stand_before_them_and_no_more(task):
    problem = task.problems("train", 0)[0]
    values = [task.score(problem, f"{'so ' * i}{problem.answer}.").value for i in range(12)]
    assert [value == 1.0 for value in values] == [i <= task.before for i in range(12)]


@each_task
def test_right_words_among_others_are_worth_less_the_more_there_are(task):
    problem = task.problems("train", 0)[0]
    values = [task.score(problem, f"{problem.answer}{' well' * i}").value for i in range(1, 7)]
    assert values == sorted(values, reverse=True)
    assert len(set(values)) == len(values)
    assert values[-1] > 0.2


@each_task
def test_a_wrong_answer_is_worth_nothing_and_feedback_tells_the_right_one(task):
    problem = task.problems("train", 0)[0]
    for answer in ("", "something else", f"x{problem.answer}x"):
        score = task.score(problem, answer)
        assert score.value == 0.0
        assert problem.answer in score.feedback


@each_task
def test_hints_are_lines_and_the_good_prompt_says_those_that_help(task):
    assert 0 < task.helpful < len(task.hints)
    assert all(hint and "\n" not in hint for hint in task.hints)
    assert task.good_prompt.split("\n") == [task.seed_prompt, *task.hints[: task.helpful]]


def test_the_labels_are_not_in_the_seed_prompt():
    task = CHAT_TASKS["label"]
    labels = {p.answer for p in task.problems("train", 0)}
    assert labels == {"positive", "negative"}
    assert not any(label in task.seed_prompt for label in labels)
    assert all(label in task.good_prompt for label in labels)


def test_sums_are_right():
    for problem in CHAT_TASKS["units"].problems("train", 0):
        one, unit, sign, two, *_ = problem.text.split()
        value = int(one) + int(two) if sign == "+" else int(one) - int(two)
        assert problem.answer == f"{value} {unit}"


def test_a_number_without_its_unit_is_worth_a_little():
    task, problem = CHAT_TASKS["units"], Problem("7 m + 9 m = ?", "16 m")
    answers = ("7 + 9 = 15", "7 + 9 = 16", "7 + 9 = 16 m", "16 m")
    values = [task.score(problem, answer).value for answer in answers]
    assert values == [0.0, 0.1, 1.0, 1.0]


def test_words_at_the_edge_of_others_do_not_count():
    task = CHAT_TASKS["field"]
    assert task.score(Problem("", "7"), "it is 17").value == 0.0
    assert task.score(Problem("", "7"), "it is 7, I think").value > 0.0


def test_another_split_is_told():
    with pytest.raises(UserError, match="train, test"):
        CHAT_TASKS["word"].problems("dev", 0)
