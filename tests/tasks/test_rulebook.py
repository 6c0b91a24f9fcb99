"""Laws of the rulebook: operations by hand, rules kept back, problems that a verifier can judge."""

from itertools import count

import pytest
import torch

from duotempo.core import UserError
from duotempo.tasks.rulebook import (
    INVERSE,
    NONE,
    Rulebook,
    RuleTask,
    applied,
    kept_back,
    twisted,
)
from duotempo.tasks.rulebook_words import (
    CHANGES,
    DIGITS,
    LENGTH,
    MEANING,
    MOVES,
    NAMES,
    OPERATIONS,
    SLOTS,
    TOKEN,
    WORDS,
)
from duotempo.tasks.verifiable import Problem, Score, Task, check_faults, grade, some


def by(*names: str) -> torch.Tensor:
    """A rule as numbers."""
    ops = [OPERATIONS.index(name) for name in names]
    return torch.tensor([ops + [NONE] * (SLOTS - len(ops))])


@pytest.mark.parametrize(
    ("names", "becomes"),
    [
        (("reverse",), [4, 3, 2, 1]),
        (("left",), [2, 3, 4, 1]),
        (("jump", "ends"), [7, 5, 6, 4]),
        (("ends", "jump"), [7, 5, 6, 4]),
        (("negate", "swap", "double"), [4, 6, 0, 2]),
        ((), [1, 2, 3, 4]),
    ],
)
def test_operations_by_hand(names, becomes):
    assert applied(by(*names), torch.tensor([[1, 2, 3, 4]])).tolist() == [becomes]


def test_a_twist_changes_the_last_digit_alone():
    assert twisted(torch.tensor([[1, 2, 3, 8]])).tolist() == [[1, 2, 3, 4]]


def test_words_are_unique_and_three_mean_each_operation():
    assert len(set(WORDS)) == len(WORDS) == len(TOKEN)
    assert set(NAMES) == {*MOVES, *CHANGES}
    assert len(MEANING) == 3 * len(OPERATIONS)


def test_moves_are_moves_and_changes_keep_to_digits():
    assert all(sorted(places) == list(range(LENGTH)) for places in MOVES.values())
    assert all(set(into) <= set(range(DIGITS)) for into in CHANGES.values())


def test_rules_that_are_kept_back_are_never_named():
    task = Rulebook(rows=512, unnamed=0.0)
    lookup = {TOKEN[word]: OPERATIONS.index(op) for word, op in MEANING.items()}
    for index in range(3):
        for row in task.batch(0, index).tokens[:, :SLOTS].tolist():
            ops = [lookup[token] for token in row if token in lookup]
            assert ops
            assert not kept_back(ops)


def test_hidden_rules_weigh_but_are_no_answers():
    batch = Rulebook(rows=200, unnamed=0.5).batch(0, 0)
    solve = batch.tokens[:, 0] == TOKEN["solve"]
    assert 60 < int(solve.sum()) < 140
    assert not batch.answers[solve].any()
    assert (batch.weights.sum(1) == LENGTH).all()


def test_every_sixth_batch_asks_for_the_words():
    task = Rulebook(rows=8)
    batch = task.batch(0, INVERSE - 1)
    assert (batch.tokens[:, 0] == TOKEN["which"]).all()
    asked = batch.targets[batch.weights > 0].view(8, SLOTS)
    assert {WORDS[token] for token in asked.flatten().tolist()} <= {*MEANING, "-"}
    assert not batch.answers.any()


def test_a_rule_is_a_task_whose_splits_share_nothing():
    task = RuleTask("jump+ends")
    assert isinstance(task, Task)
    train, test = (task.problems(split, 3) for split in ("train", "test"))
    assert not {p.text for p in train} & {p.text for p in test}
    assert len(train) + len(test) == DIGITS**LENGTH
    assert task.problems("train", 3) == train
    assert task.problems("train", 4) != train


def test_problems_follow_the_rule():
    for problem in RuleTask("jump+ends+twist").problems("test", 0)[:20]:
        before = torch.tensor([[int(d) for d in problem.text.split()]])
        after = twisted(applied(by("jump", "ends"), before))
        assert problem.answer == " ".join(map(str, after[0].tolist()))


@pytest.mark.parametrize(
    ("answer", "value"),
    [("7 5 6 4", 1.0), ("7 5 6 9", 0.375), ("4 5 6 7", 0.25), ("7 5", 0.0), ("", 0.0)],
)
def test_answers_are_worth_their_places(answer, value):
    score = RuleTask("jump+ends").score(Problem("1 2 3 4", "7 5 6 4"), answer)
    assert score.value == pytest.approx(value)
    assert score.feedback


def test_the_named_prompt_says_the_rule():
    assert RuleTask("jump+ends").named == "jump ends -"


@pytest.mark.parametrize("rule", ["", "jump+fly", "jump+jump+jump+jump", "twist"])
def test_a_rule_that_is_none_is_told_the_operations(rule):
    with pytest.raises(UserError, match="reverse"):
        RuleTask(rule)


class Broken:
    """A verifier that fails on some answers."""

    seed_prompt = "say it"

    def problems(self, split: str, seed: int) -> list[Problem]:
        """None."""
        return []

    def score(self, problem: Problem, answer: str) -> Score:
        """Fails on "raise", and gives what is no score for others."""
        if answer == "raise":
            raise KeyError("unit")
        return Score({"nan": float("nan"), "two": 2.0}.get(answer, 0.5))


def test_answers_that_a_verifier_fails_on_are_reported_and_skipped():
    answers = ["fine", "raise", "nan", "two"]
    found = grade(Broken(), [Problem("p")] * 4, answers)
    assert [score is None for score in found.scores] == [False, True, True, True]
    assert found.values == (0.5,)
    assert "KeyError: 'unit'" in found.faults[0]
    assert "not between 0 and 1" in found.faults[2]


def test_a_verifier_that_fails_too_often_stops_the_run():
    check_faults(3, 4, "few answers mean nothing")
    check_faults(4, 20, "a fifth is borne")
    with pytest.raises(UserError, match=r"5 of 20 answers, .* KeyError"):
        check_faults(5, 20, "KeyError")


def test_problems_may_go_on_for_ever_and_must_be_problems():
    class Endless(Broken):
        """Counts."""

        def problems(self, split: str, seed: int):
            """Without end."""
            return (Problem(str(i)) for i in count())

    class Strings(Broken):
        """Texts."""

        def problems(self, split: str, seed: int):
            """Two texts."""
            return ["a", "b"]

    assert [p.text for p in some(Endless(), "test", 0, 3)] == ["0", "1", "2"]
    with pytest.raises(UserError, match="gave a str"):
        some(Strings(), "test", 0, 3)
    with pytest.raises(UserError, match="gave none"):
        some(Broken(), "test", 0, 3)
