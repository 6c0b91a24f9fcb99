"""Laws of the policy of words: drawn tokens have the probability told, pads change nothing."""

import pytest
import torch

from duotempo.adapt.policy import Asked, Policy, chosen
from duotempo.core import UserError
from duotempo.tasks.rulebook import RuleTask
from tests.adapt.lives import small

TASK = RuleTask("jump+ends")
PROBLEMS = TASK.problems("train", 0)[:4]


def asked(*prompts: str) -> list[Asked]:
    """Every problem under every prompt."""
    return [Asked(prompt, problem) for problem in PROBLEMS for prompt in prompts]


def test_a_policy_of_words_is_a_policy():
    assert isinstance(small(), Policy)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_told_probabilities_are_those_of_the_drawn_tokens(temperature):
    model = small()
    rollouts = model.sample(asked("jump ends -"), temperature, 3)
    again = chosen(model.logits(rollouts), rollouts.tokens)
    assert torch.allclose(rollouts.logp, again, atol=1e-5)


def test_pads_change_nothing():
    model = small()
    short, mixed = asked("jump"), asked("jump", "jump ends - -")
    alone = model.sample(short, 0.0, 0)
    beside = model.sample(mixed, 0.0, 0)
    assert beside.answers[::2] == alone.answers
    assert torch.allclose(beside.logp[::2], alone.logp, atol=1e-5)


def test_the_seed_decides_the_draws():
    model = small()
    first, same, other = (model.sample(asked("-"), 1.0, seed).answers for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_the_reference_stays_where_the_policy_began():
    model = small()
    rollouts = model.sample(asked("solve - -"), 1.0, 0)
    before = model.reference(rollouts)
    taken = model.taken()
    with torch.no_grad():
        for p in model.weights():
            p.add_(0.1)
    assert model.reference(rollouts).equal(before)
    assert not model.logits(rollouts).equal(before)
    model.put(taken)
    assert all(p.equal(taken[name]) for name, p in model.model.named_parameters())
    assert torch.allclose(model.logits(rollouts), before, atol=1e-6)


def test_a_word_that_it_does_not_know_is_read_as_nothing():
    model = small()
    assert model.read(asked("please"))[0].equal(model.read(asked("-"))[0])


def test_a_model_of_other_words_is_refused():
    with pytest.raises(UserError, match="rulebook:base"):
        small(vocab=7)
