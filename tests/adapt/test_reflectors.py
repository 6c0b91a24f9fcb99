"""Laws of reflectors: the expert finds a rule that words can name, the base names what it reads."""

from collections.abc import Sequence
from random import Random

import pytest
import torch

from duotempo.adapt.prompts import Population, Search, Trial
from duotempo.adapt.reflectors import Expert, Itself, edited, imagined, padded
from duotempo.tasks.rulebook import NONE, SEED, RuleTask, applied
from duotempo.tasks.rulebook_words import MEANING, NOTHING, OPERATIONS, SLOTS
from duotempo.tasks.verifiable import Problem
from tests.adapt.lives import small

TASK = RuleTask("jump+ends")


def obedient(prompt: str, problems: Sequence[Problem]) -> list[Trial]:
    """A policy that does just what words mean."""
    ops = [OPERATIONS.index(MEANING[w]) if w in MEANING else NONE for w in padded(prompt)]
    trials = []
    for problem in problems:
        before = torch.tensor([[int(d) for d in problem.text.split()]])
        answer = " ".join(map(str, applied(torch.tensor([ops]), before)[0].tolist()))
        trials.append(Trial(problem, answer, TASK.score(problem, answer)))
    return trials


@pytest.mark.parametrize("seed", range(3))
def test_the_expert_finds_a_rule_of_two_words(seed):
    problems = TASK.problems("train", seed)
    search = Search(first=40)
    start, random = Population.of(TASK.seed_prompt), Random(seed)
    found = search.cycle(start, obedient, Expert(), problems[:16], problems[16:], random, 0)
    assert max(found.means) == 1.0
    assert imagined(padded(found.best.text), obedient("", problems[:50])) == 1.0


def test_the_expert_has_nothing_to_say_where_nothing_failed():
    right = obedient("jump ends -", TASK.problems("train", 0)[:4])
    assert Expert()("jump ends -", right, Random(0)) is None


def test_imagined_is_one_for_the_rule_alone():
    failures = obedient("solve - -", TASK.problems("train", 0)[:6])
    assert imagined(["add", "borders", NOTHING], failures) == 1.0
    assert imagined(["add", NOTHING, NOTHING], failures) < 1.0


def test_an_edit_keeps_to_the_slots_and_the_words():
    random = Random(0)
    for _ in range(50):
        words = edited(list(SEED), random)
        assert len(words) == SLOTS
        assert set(words) <= {NOTHING, *MEANING}


def test_the_base_names_rules_in_words_that_there_are():
    reflector = Itself(small(), chance=0.0)
    trials = obedient("solve - -", TASK.problems("train", 0)[:4])
    first, again = (reflector(TASK.seed_prompt, trials, Random(5)) for _ in range(2))
    assert first == again
    assert first is not None
    assert set(first.split()) <= {NOTHING, *MEANING}
