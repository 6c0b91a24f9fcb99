"""Laws of a Gaussian posterior and its priors: KL, densities, decay, mixing, noise."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Independent, kl_divergence
from torch.distributions import Normal as Gaussian

from duotempo.core import UserError
from duotempo.models.posterior import STANDARD, Normal, Posterior, Prior, decayed, fresh

SIZE = (3, 2, 4)
shares = st.floats(0.0, 1.0)
seeds = st.integers(0, 999)


def draw(seed: int, batch: int = 3) -> Posterior:
    g = torch.Generator().manual_seed(seed)
    mean, log_var = torch.randn(2, batch, *SIZE[1:], generator=g, dtype=torch.float64)
    return Posterior(mean, log_var)


def other(seed: int) -> Normal:
    """A prior that is not N(0, 1): a value of its own in every dimension."""
    q = draw(seed)
    return Normal(q.mean, q.log_var.exp())


def known(q: Posterior) -> Independent:
    return Independent(Gaussian(q.mean, q.deviation), 2)


def same(a: Posterior, b: Posterior, most: float = 1e-12) -> bool:
    gaps = (a.mean - b.mean, a.log_var - b.log_var)
    return max(float(gap.abs().max()) for gap in gaps) <= most


@settings(deadline=None, max_examples=25)
@given(seeds, st.booleans())
def test_kl_is_the_formula_of_torch(seed, standard):
    q, prior = draw(seed), STANDARD if standard else other(seed + 1)
    wanted = kl_divergence(known(q), known(prior.posterior(q.mean)))
    torch.testing.assert_close(prior.kl(q), wanted, rtol=1e-12, atol=1e-12)
    assert (prior.kl(q) > 0).all()


@pytest.mark.parametrize("prior", [STANDARD, Normal(0.5, 2.0)], ids=["standard", "other"])
def test_kl_is_the_mean_of_what_densities_differ_by(prior):
    """Monte Carlo over 40000 draws, within five of its own standard errors."""
    one = draw(0, batch=1)
    q, noise = one.row(*[0] * 40000), fresh(1)
    z = q.sample(noise)
    differ = q.log_prob(z) - prior.log_prob(z)
    error = differ.std() / len(differ) ** 0.5
    assert abs(differ.mean() - prior.kl(one)[0]) < 5 * error
    assert error < 0.05


@given(seeds)
@settings(deadline=None, max_examples=15)
def test_densities_are_those_of_torch(seed):
    q, prior, z = draw(seed), other(seed + 1), draw(seed + 2).mean
    torch.testing.assert_close(q.log_prob(z), known(q).log_prob(z))
    torch.testing.assert_close(prior.log_prob(z), known(prior.posterior(z)).log_prob(z))


@given(seeds)
@settings(deadline=None, max_examples=15)
def test_a_prior_costs_nothing_against_itself(seed):
    for prior in (STANDARD, other(seed)):
        itself = prior.posterior(draw(seed).mean)
        assert prior.kl(itself).abs().max() <= 1e-12
        assert isinstance(prior, Prior)


def test_draws_have_the_moments_of_the_posterior():
    q = draw(0, batch=1)
    variance, mean = torch.var_mean(q.row(*[0] * 40000).sample(fresh(0)), 0)
    assert ((mean - q.mean[0]).abs() < 0.03 * q.deviation[0]).all()
    assert ((variance / q.log_var[0].exp() - 1).abs() < 0.05).all()


@given(shares)
@settings(deadline=None, max_examples=25)
def test_decay_leaves_the_standard_prior_as_it_is(share):
    prior = decayed(STANDARD.posterior(torch.zeros(SIZE, dtype=torch.float64)), share)
    assert STANDARD.kl(prior.posterior(torch.zeros(SIZE, dtype=torch.float64))).max() <= 1e-12


def test_a_share_of_one_carries_all_and_of_zero_forgets_all():
    q = draw(0)
    assert same(decayed(q, 1.0).posterior(q.mean), q)
    assert same(decayed(q, 0.0).posterior(q.mean), STANDARD.posterior(q.mean), 0.0)


@given(shares, shares, seeds)
@settings(deadline=None, max_examples=25)
def test_decaying_twice_is_decaying_by_the_product(first, second, seed):
    q = draw(seed)
    twice = decayed(decayed(q, first).posterior(q.mean), second).posterior(q.mean)
    assert same(twice, decayed(q, first * second).posterior(q.mean), 1e-9)


@given(shares, seeds)
@settings(deadline=None, max_examples=25)
def test_decay_never_tells_more_than_was_known(share, seed):
    q = draw(seed)
    after = decayed(q, share).posterior(q.mean)
    assert (STANDARD.kl(after) <= STANDARD.kl(q) + 1e-9).all()


def test_mixing_goes_straight_from_one_to_the_other():
    a, b = draw(0), draw(1)
    assert same(a.interpolated(b, 0.0), a)
    assert same(a.interpolated(b, 1.0), b)
    middle = a.interpolated(b, 0.5)
    torch.testing.assert_close(middle.deviation, (a.deviation + b.deviation) / 2)
    assert same(middle, b.interpolated(a, 0.5))
    with pytest.raises(UserError, match="mix those of one model"):
        a.interpolated(draw(0, batch=2), 0.5)


def test_rows_fork_and_roll():
    q = draw(0)
    assert (q.batch, q.latents) == SIZE[:2]
    assert same(q.row(2, 0, 1), q.rolled(), 0.0)
    assert same(q.row(1, 1).row(0), q.row(1), 0.0)


def test_a_detached_posterior_has_no_history():
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    q = Posterior(draw(0).mean * weight, draw(0).log_var * weight)
    assert q.mean.requires_grad
    assert not q.detached().mean.requires_grad
    assert not q.detached().log_var.requires_grad


def test_fresh_noise_is_new_at_every_call_and_the_seeds_own():
    like, first, again = torch.zeros(SIZE, dtype=torch.float64), fresh(7), fresh(7)
    one, two = first(like), first(like)
    assert one.dtype == like.dtype
    assert torch.equal(one, again(like))
    assert torch.equal(two, again(like))
    assert not torch.equal(one, two)
    assert not torch.equal(one, fresh(8)(like))
    assert fresh() is torch.randn_like
