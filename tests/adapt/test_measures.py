"""Laws of measures: no drift until weights move, levels that hold, a sigmoid found again."""

import pytest
import torch

from duotempo.adapt.measures import Sigmoid, accuracy, divergence, drifted, first_at, saturation
from duotempo.adapt.native import WordPolicy
from duotempo.adapt.policy import Asked
from duotempo.core import UserError
from duotempo.tasks.rulebook import RuleTask
from duotempo.tasks.verifiable import Problem, Score
from tests.adapt.lives import small

TASK = RuleTask("jump+ends")
PROBLEMS = TASK.problems("test", 0)[:8]


@pytest.fixture
def policy() -> WordPolicy:
    """A small one whose weights are random."""
    return small()


def test_weights_that_have_not_moved_have_not_drifted(policy):
    broad = [Asked("reverse - -", p) for p in PROBLEMS]
    found = drifted(policy, ("jump ends -", "solve - -"), PROBLEMS, broad)
    assert (found.own, found.seed, found.broad) == pytest.approx((0, 0, 0), abs=1e-6)


def test_weights_that_moved_have_drifted(policy):
    with torch.no_grad():
        policy.model.head.weight.mul_(2)
    assert divergence(policy, [Asked("solve - -", p) for p in PROBLEMS]) > 0.01


def test_accuracy_counts_whole_answers(policy):
    said = policy.sample([Asked("-", p) for p in PROBLEMS], 0.0, 0).answers
    right = [Problem(p.text, answer) for p, answer in zip(PROBLEMS, said, strict=True)]
    assert accuracy(policy, TASK, "-", right) == 1.0
    half = [*right[:4], *(Problem(p.text, "x x x x") for p in right[4:])]
    assert accuracy(policy, TASK, "-", half) == 0.5


def test_a_task_that_judges_nothing_is_told(policy):
    class Mute:
        """Gives no scores."""

        seed_prompt = "-"

        def problems(self, split: str, seed: int) -> list[Problem]:
            """None."""
            return []

        def score(self, problem: Problem, answer: str) -> Score:
            """Always fails."""
            raise RuntimeError

    with pytest.raises(UserError, match="judged no answer"):
        accuracy(policy, Mute(), "-", PROBLEMS)


def test_a_level_must_hold():
    curve = [(0.0, 0.1), (5.0, 0.95), (10.0, 0.5), (15.0, 0.92), (20.0, 0.97)]
    assert first_at(curve, 0.9) == 15.0
    assert first_at(curve[:2], 0.9) == 5.0
    assert first_at(curve[:1], 0.9) is None


def test_a_sigmoid_is_found_again():
    true = Sigmoid(0.1, 0.8, 40.0, 2.0)
    found = saturation([(float(x), true(float(x))) for x in range(0, 101, 10)])
    assert found.top == pytest.approx(0.8, abs=0.01)
    assert found.middle == pytest.approx(40.0, abs=2)


def test_too_few_points_have_no_asymptote():
    with pytest.raises(UserError, match="4 or more"):
        saturation([(0.0, 0.1), (1.0, 0.2), (2.0, 0.3)])
