"""Laws of the slow channel's step: REINFORCE at ratio 1, capped ratios, pooled advantages."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from duotempo.adapt.weights import Cispo, advantages, drift, learnable, stepped, varied
from duotempo.core import UserError


def drawn(seed: int, rollouts: int = 4, time: int = 3) -> tuple[torch.Tensor, ...]:
    """Log-probabilities that ask for a gradient, an advantage a rollout, and which tokens count."""
    g = torch.Generator().manual_seed(seed)
    logp = -torch.rand(rollouts, time, generator=g).double() - 0.1
    advantage = torch.randn(rollouts, generator=g).double()
    said = torch.rand(rollouts, time, generator=g) > 0.3
    said[0, 0] = True
    return logp.requires_grad_(), advantage, said


@given(st.integers(0, 1000))
def test_cispo_is_reinforce_where_the_policy_has_not_moved(seed):
    logp, advantage, said = drawn(seed)
    loss = Cispo(kl=0.0).loss(logp, logp.detach(), advantage, said)
    (ours,) = torch.autograd.grad(loss, logp)
    reinforce = -(advantage[:, None] * logp * said).sum() / said.sum()
    (theirs,) = torch.autograd.grad(reinforce, logp)
    assert torch.allclose(ours, theirs)


def test_a_token_beyond_the_cap_keeps_its_gradient():
    logp = torch.tensor([[-0.1, -0.1]], dtype=torch.float64, requires_grad=True)
    old = torch.tensor([[-5.0, -0.1]], dtype=torch.float64)  # ratios of 134 and 1
    advantage, said = torch.ones(1).double(), torch.ones(1, 2, dtype=torch.bool)
    loss = Cispo(cap=4.0, kl=0.0).loss(logp, old, advantage, said)
    (slope,) = torch.autograd.grad(loss, logp)
    assert slope.tolist() == [[pytest.approx(-2.0), pytest.approx(-0.5)]]


def test_no_gradient_flows_through_the_ratio():
    logp = torch.tensor([[-1.0]], dtype=torch.float64, requires_grad=True)
    said = torch.ones(1, 1, dtype=torch.bool)
    loss = Cispo(kl=0.0).loss(logp, torch.tensor([[-1.5]]).double(), torch.ones(1).double(), said)
    (slope,) = torch.autograd.grad(loss, logp)
    assert float(slope) == pytest.approx(-(torch.tensor(0.5).exp().item()))


def test_the_advantage_is_pooled_over_all_prompts_of_a_problem():
    rewards = torch.tensor([[1.0, 1.0, 0.0, 0.0]])  # two prompts, two rollouts each
    found = advantages(rewards, torch.ones(1, 4, dtype=torch.bool))
    share = 0.5 / (0.5 + 1e-4)
    assert found[0].tolist() == pytest.approx([share, share, -share, -share])


def test_what_nobody_could_judge_counts_nowhere():
    rewards = torch.tensor([[1.0, 0.0, 0.7]])
    known = torch.tensor([[True, True, False]])
    found = advantages(rewards, known)
    assert found[0, 2] == 0
    assert found[:, :2].equal(advantages(rewards[:, :2], known[:, :2]))


def test_a_problem_whose_rollouts_agree_teaches_nothing():
    rewards = torch.tensor([[1.0, 1.0], [0.25, 0.25], [1.0, 0.0]])
    found = advantages(rewards, torch.ones(3, 2, dtype=torch.bool))
    assert varied(found).tolist() == [False, False, True]
    assert learnable(found, 0.3)
    assert not learnable(found, 0.5)
    assert not learnable(found[:2], 0.0)


def test_drift_is_zero_for_the_same_policy_and_exact_for_another():
    logits = torch.randn(2, 3, 5).double()
    assert drift(logits, logits).abs().max() < 1e-12
    coin, fair = torch.tensor([[[0.75, 0.25]]]).log(), torch.tensor([[[0.5, 0.5]]]).log()
    expected = 0.75 * torch.tensor(1.5).log() + 0.25 * torch.tensor(0.5).log()
    assert float(drift(coin, fair)) == pytest.approx(float(expected))


def test_a_loss_that_is_no_number_leaves_the_weights():
    weight = torch.nn.Parameter(torch.ones(3))
    optimiser = torch.optim.AdamW([weight], lr=0.1)
    with pytest.raises(UserError, match="lower rate"):
        stepped(optimiser, [weight], [lambda: (weight * float("nan")).sum()])
    assert weight.equal(torch.ones(3))


@pytest.mark.parametrize("wrong", [{"cap": 0.5}, {"kl": -1.0}])
def test_settings_that_mean_nothing_are_refused(wrong):
    with pytest.raises(UserError, match="at least 1"):
        Cispo(**wrong)


@pytest.mark.parametrize("worth", [0.1, 0.35, 0.7, 0.9, 1 / 3])
def test_eight_equal_rewards_have_nothing_to_teach(worth):
    """The mean of equals in float32 need not be their value."""
    rewards = torch.full((2, 8), worth)
    known = torch.ones(2, 8, dtype=torch.bool)
    known[1, 5:] = False
    found = advantages(rewards, known)
    assert not found.any()
    assert not varied(found).any()
