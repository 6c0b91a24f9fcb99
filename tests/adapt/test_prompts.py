"""Laws of the fast channel: Pareto front by hand, the gate, scores that are measured again."""

from collections.abc import Sequence
from random import Random

import pytest

from duotempo.adapt.prompts import (
    Population,
    Prompt,
    Search,
    Trial,
    for_weights,
    front,
    leads,
    measured,
)
from duotempo.core import UserError
from duotempo.tasks.verifiable import Problem, Score

ANCHORS = [Problem(f"anchor {i}") for i in range(4)]
OTHERS = [Problem(f"other {i}") for i in range(10)]


class Worth:
    """Judges a prompt by a table; counts what it was asked."""

    def __init__(self, worth: dict[str, float]) -> None:
        self.worth, self.asked = worth, 0

    def __call__(self, prompt: str, problems: Sequence[Problem]) -> Sequence[Trial]:
        self.asked += len(problems)
        value = self.worth.get(prompt, 0.0)
        return [Trial(problem, "", Score(value)) for problem in problems]


def longer(prompt: str, trials: Sequence[Trial], random: Random) -> str | None:
    """Adds a letter."""
    return prompt + "!"


def test_the_front_by_hand():
    scores = (
        (1.0, 0.0, 0.5, 0.0),  # leads the first anchor
        (0.0, 1.0, 0.5, 0.0),  # leads the second
        (0.4, 0.4, 0.5, 0.0),  # leads the third alone with the others: covered
        (0.9, 0.9, 0.4, 0.0),  # highest mean, leads nowhere
    )
    assert leads(scores) == [{0, 2}, {1, 2}, {2}, frozenset()]
    assert front(scores) == [0, 1]


def test_of_equals_the_earlier_one_is_on_the_front():
    assert front(((0.5, 0.5), (0.5, 0.5))) == [0]


def test_nothing_leads_where_all_are_worthless():
    assert front(((0.0, 0.0), (0.0, 0.0))) == []


def test_a_child_joins_only_if_it_is_better():
    search = Search(proposals=3, first=3)
    worth = Worth({"a": 0.2, "a!": 0.5, "a!!": 0.5})
    found = search.cycle(Population.of("a"), worth, longer, ANCHORS, OTHERS, Random(0), 0)
    assert {prompt.text for prompt in found.prompts} == {"a", "a!"}
    child = found.best
    assert (child.text, child.number, child.parent, child.cycle) == ("a!", 1, 0, 0)
    assert child.by == "function"


def test_a_score_of_another_policy_is_measured_again():
    search = Search(proposals=0, first=0)
    old = measured(Population.of("a", "b"), Worth({"a": 1.0, "b": 0.3}), ANCHORS)
    assert old.best.text == "a"
    moved = Worth({"a": 0.1, "b": 0.3})
    found = search.cycle(old, moved, longer, ANCHORS, OTHERS, Random(0), 1)
    assert found.best.text == "b"
    assert found.scores == ((0.3,) * 4, (0.1,) * 4)
    assert moved.asked == 2 * len(ANCHORS)


def test_a_reflector_without_an_idea_costs_its_minibatch_alone():
    worth = Worth({"a": 0.2})
    search = Search(proposals=2, first=2, minibatch=5)
    search.cycle(Population.of("a"), worth, lambda *_: None, ANCHORS, OTHERS, Random(0), 0)
    assert worth.asked == len(ANCHORS) + 2 * 5


def test_the_kept_are_seed_and_best_then_the_front_then_the_means():
    prompts = tuple(Prompt(text, i) for i, text in enumerate("abcd"))
    scores = ((0.1, 1.0), (0.8, 0.0), (0.7, 0.9), (0.6, 0.1))
    population = Population(prompts, scores, 4)
    assert [p.text for p in Search(size=3).kept(population).prompts] == ["a", "c", "b"]


def test_the_seed_and_the_best_stay_whatever_leads():
    prompts = tuple(Prompt(text, i) for i, text in enumerate("abcd"))
    scores = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 0.8, 0.9), (0.0, 0.8, 1.0))
    population = Population(prompts, scores, 4)
    assert {p.text for p in Search(size=2).kept(population).prompts} == {"a", "d"}
    assert Search(size=3).kept(population).best.text == "d"


def test_what_is_as_good_as_the_seed_does_not_beat_it():
    prompts = (Prompt("child", 1), Prompt("seed", 0))
    assert Population(prompts, ((0.5, 0.5), (1.0, 0.0)), 2).best.text == "seed"
    assert Population(prompts, ((0.5, 0.6), (1.0, 0.0)), 2).best.text == "child"


def test_a_population_of_one_is_none():
    with pytest.raises(UserError, match="the seed prompt and the best"):
        Search(size=1)


def test_half_right_prompts_are_not_for_the_weights():
    prompts = tuple(Prompt(text, i) for i, text in enumerate("abc"))
    population = Population(prompts, ((1.0, 0.9), (0.5, 0.5), (0.9, 0.9)), 3)
    assert [p.text for p in for_weights(population, most=4)] == ["a", "c"]
    assert [p.text for p in for_weights(population, most=1)] == ["a"]


def test_numbers_stay_unique_over_cycles():
    search = Search(proposals=2, first=2, size=2)
    worth = Worth({"a" + "!" * n: n / 10 for n in range(8)})
    population = Population.of("a")
    seen = set()
    for cycle in range(3):
        population = search.cycle(population, worth, longer, ANCHORS, OTHERS, Random(1), cycle)
        assert population.best.number not in seen
        seen.add(population.best.number)


def test_a_family_tree_is_whole_though_its_members_have_gone():
    search = Search(proposals=2, first=2, size=2)
    worth = Worth({"a" + "!" * n: n / 10 for n in range(8)})
    found = search.cycle(Population.of("a"), worth, longer, ANCHORS, OTHERS, Random(1), 0)
    every = {p.number: p for p in (*found.prompts, *found.gone)}
    assert set(every) == set(range(found.made))
    assert every[found.best.number].parent in every


def test_the_first_search_is_the_large_one_whenever_it_comes():
    search = Search(proposals=1, first=5, minibatch=2)
    late = Worth({"a": 0.2})
    search.cycle(Population.of("a"), late, lambda *_: None, ANCHORS, OTHERS, Random(0), 7)
    assert late.asked == len(ANCHORS) + 5 * 2
