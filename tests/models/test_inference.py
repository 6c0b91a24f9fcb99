"""Laws of fitting: where truth has a closed form, and through a decoder's own gradient."""

import math
from dataclasses import dataclass, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import MultivariateNormal

from duotempo.core import UserError
from duotempo.models.bounds import importance_weighted
from duotempo.models.config import Config
from duotempo.models.inference import Adam, Amortised, Langevin, NaturalGradient, Rule
from duotempo.models.latent import LatentDecoder
from duotempo.models.posterior import STANDARD, Latent, Noise, Normal, Posterior, decayed, fresh
from duotempo.models.thinking import RULES, Preset, Thinking

SIZE = (2, 2)
OTHER = Normal(0.7, 0.25)
each_prior = pytest.mark.parametrize("prior", [STANDARD, OTHER], ids=["standard", "other"])


@dataclass(frozen=True)
class Linear:
    """x = W z + noise of a known variance; columns of W are orthogonal, so that the posterior has
    no correlations and is among those that a rule can give."""

    x: torch.Tensor
    w: torch.Tensor
    variance: float = 0.5

    @property
    def curvature(self) -> torch.Tensor:
        return (self.w.square().sum(0) / self.variance).view(SIZE)

    def loss(self, z: Latent) -> torch.Tensor:
        far = (self.x - z.flatten(1) @ self.w.T).square() / self.variance
        return 0.5 * (far + math.log(2 * math.pi * self.variance)).sum(1)

    def slope(self, z: Latent) -> Latent:
        return ((z.flatten(1) @ self.w.T - self.x) @ self.w / self.variance).view_as(z)

    def truth(self, prior: Normal) -> Posterior:
        """The exact posterior."""
        before = prior.posterior(self.x.new_zeros(len(self.x), *SIZE))
        pull = (-before.log_var).exp()
        precision = pull + self.curvature
        pushed = (self.x @ self.w / self.variance).view_as(pull)
        return Posterior((before.mean * pull + pushed) / precision, -precision.log())

    def evidence(self, prior: Normal) -> torch.Tensor:
        """log p(x), z integrated out."""
        before = prior.posterior(self.x.new_zeros(len(self.x), *SIZE))
        noise = self.variance * torch.eye(self.x.shape[1], dtype=self.x.dtype)
        wide = (self.w * before.log_var.exp().flatten(1)[:, None]) @ self.w.T + noise
        return MultivariateNormal(before.mean.flatten(1) @ self.w.T, wide).log_prob(self.x)

    def negative_elbo(self, q: Posterior, prior: Normal) -> torch.Tensor:
        """The bound without sampling: a square's mean is known."""
        spread = (self.curvature * q.log_var.exp()).flatten(1).sum(1)
        return self.loss(q.mean) + 0.5 * spread + prior.kl(q)


def linear(rows: int = 3, seed: int = 0, alike: bool = False) -> Linear:
    g = torch.Generator().manual_seed(seed)
    columns = torch.linalg.qr(torch.randn(6, 4, generator=g, dtype=torch.float64))[0]
    x = 1.5 * torch.randn(rows, 6, generator=g, dtype=torch.float64)
    lengths = torch.tensor([0.6, 0.9, 1.2, 1.5], dtype=torch.float64)
    return Linear(x[:1].expand(rows, -1) if alike else x, columns * lengths)


def drawn(seed: int, rows: int = 3) -> Posterior:
    g = torch.Generator().manual_seed(seed)
    return Posterior(*torch.randn(2, rows, *SIZE, generator=g, dtype=torch.float64))


def apart(a: Posterior, b: Posterior) -> tuple[float, float]:
    """How far means (in standard deviations of b) and log-variances are from one another."""
    far = ((a.mean - b.mean) / b.deviation).abs().max()
    return float(far), float((a.log_var - b.log_var).abs().max())


@each_prior
@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 999))
def test_a_known_curvature_finds_the_truth_in_one_step_from_anywhere(prior, seed):
    decoder = linear(seed=seed)
    rule = Amortised(decoder.curvature)
    found = rule.fit(drawn(seed), prior, decoder.slope, 1, torch.randn_like)
    assert max(apart(found, decoder.truth(prior))) < 1e-10


def test_fitting_segment_by_segment_is_fitting_to_all_at_once():
    """Kalman's filter: with all of a posterior carried, its order of reading does not matter."""
    first, second = linear(seed=1), linear(seed=1)
    second = replace(second, x=linear(seed=2).x)
    both = replace(
        first, x=torch.cat((first.x, second.x), 1), w=torch.cat((first.w, second.w))
    ).truth(STANDARD)
    q = STANDARD.posterior(first.x.new_zeros(3, *SIZE))
    for part in (first, second):
        rule = Amortised(part.curvature)
        q = rule.fit(q, decayed(q, 1.0), part.slope, 1, torch.randn_like)
    assert max(apart(q, both)) < 1e-10


@each_prior
def test_adam_with_small_rates_finds_the_truth(prior):
    decoder = linear()
    start = prior.posterior(drawn(0).mean)
    found = Adam(0.03, 0.0001).fit(start, prior, decoder.slope, 2000, fresh(0))
    mean, width = apart(found, decoder.truth(prior))
    assert mean < 0.1
    assert width < 0.1


@each_prior
def test_a_natural_gradient_finds_the_mean_and_never_widens(prior):
    """Squared gradients are no curvature, so its widths are not the true ones: only its mean is."""
    decoder = linear()
    start = prior.posterior(drawn(0).mean)
    found = NaturalGradient(0.005).fit(start, prior, decoder.slope, 3000, fresh(0))
    assert apart(found, decoder.truth(prior))[0] < 0.15
    assert (found.log_var < start.log_var).all()
    few = NaturalGradient().fit(start, prior, decoder.slope, 5, fresh(1))
    assert (few.log_var <= start.log_var + 1e-12).all()


@each_prior
def test_langevin_chains_have_the_moments_of_the_truth(prior):
    """Mean over 64 chains of 3000 steps; one step is a hundredth of the narrowest variance."""
    decoder = linear(64, alike=True)
    start = prior.posterior(drawn(0, 64).mean)
    found = Langevin(0.01).fit(start, prior, decoder.slope, 3000, fresh(0))
    mean = found.mean.mean(0, keepdim=True)
    whole = (found.log_var.exp() + (found.mean - mean) ** 2).mean(0, keepdim=True)
    far, width = apart(Posterior(mean, whole.log()), decoder.truth(prior).row(0))
    assert far < 0.1
    assert width < 0.1


@each_prior
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 999))
def test_the_bound_lies_above_the_evidence_by_the_kl_to_the_truth(prior, seed):
    decoder, q = linear(seed=seed), drawn(seed)
    truth = decoder.truth(prior)
    over = decoder.negative_elbo(q, prior) + decoder.evidence(prior)
    wanted = Normal(truth.mean, truth.log_var.exp()).kl(q)
    assert (over > 0).all()
    torch.testing.assert_close(over, wanted, rtol=1e-9, atol=1e-9)
    assert (decoder.negative_elbo(truth, prior) + decoder.evidence(prior)).abs().max() < 1e-9


@each_prior
def test_weighted_bounds_fall_towards_the_evidence_with_more_draws(prior):
    """Every row is a seed of its own: 4000 of the same text."""
    decoder = linear(4000, alike=True)
    truth, exact = decoder.truth(prior), -decoder.evidence(prior)[0]
    q = Posterior(truth.mean + 0.5 * truth.deviation, truth.log_var + 0.7)
    nats = importance_weighted(decoder.loss, q, fresh(0), (1, 8, 64), prior)
    one, eight, many = (float(nats[n].mean()) for n in (1, 8, 64))
    assert one > eight > many > exact - 0.005
    assert one == pytest.approx(float(decoder.negative_elbo(q, prior)[0]), abs=0.1)
    assert many == pytest.approx(float(exact), abs=0.03)


@each_prior
def test_at_the_true_posterior_every_draw_is_the_evidence(prior):
    decoder = linear()
    found = importance_weighted(decoder.loss, decoder.truth(prior), fresh(0), (1, 8, 64), prior)
    for nats in found.values():
        torch.testing.assert_close(nats, -decoder.evidence(prior), rtol=1e-9, atol=1e-9)


TINY = Config(
    vocab=11, width=8, heads=2, window=3, layout=("latent", "latent"), ff=8, persistent=0, latents=2
)
ALL_RULES = (*RULES, "amortised")


def thinker(rule: str = "natural", steps: int = 4) -> LatentDecoder:
    torch.manual_seed(0)
    thinking = Thinking(16, Preset(rule, steps))
    return LatentDecoder(TINY, thinking).double().eval()


def text(time: int = 7, batch: int = 3, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 11, (batch, time), generator=g)


def own(*rows: int) -> Noise:
    """Numbers that are each row's own, whichever batch it stands in."""
    sources = [fresh(100 + row) for row in rows]
    return lambda like: torch.stack([draw(part) for draw, part in zip(sources, like, strict=True)])


@pytest.mark.parametrize("read", [0, 5, 19], ids=["begun", "mid-stream", "after a fit"])
def test_the_slope_is_what_finite_differences_say(read):
    """Against losses that are summed beside the model, not by it."""
    model, tokens, g = thinker(), text(), torch.Generator().manual_seed(1)
    state = model.read(text(read, seed=2)) if read else model.init(3)
    z = torch.randn(3, model.latents, 8, generator=g, dtype=torch.float64)

    def lost(z: Latent) -> torch.Tensor:
        x, _ = model.run(tokens[:, :-1], model.steered(state, z))
        chances = model.head(x).log_softmax(-1)
        return -chances.gather(2, tokens[:, 1:, None]).sum((1, 2))

    found, step = model.slope(tokens, state)(z), 1e-5
    with torch.no_grad():
        for place in range(z[0].numel()):
            much = torch.zeros_like(z)
            much.view(3, -1)[:, place] = step
            wanted = (lost(z + much) - lost(z - much)) / (2 * step)
            torch.testing.assert_close(found.flatten(1)[:, place], wanted, rtol=1e-4, atol=1e-6)
    assert (found.abs().amax((0, 2)) > 1e-3).all()


@pytest.mark.parametrize("rule", ALL_RULES)
def test_a_fit_leaves_no_trace_in_the_weights(rule):
    model = thinker(rule)
    model.embedding.weight.requires_grad_(False)
    asked = [p.requires_grad for p in model.parameters()]
    before = [p.clone() for p in model.parameters()]
    fitted = model.fit(text())
    assert not fitted.mean.requires_grad
    assert all(p.grad is None for p in model.parameters())
    assert [p.requires_grad for p in model.parameters()] == asked
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_a_fit_that_fails_leaves_the_weights_as_they_were():
    model = thinker()

    def broken(like: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        model.fit(text(), noise=broken)
    assert all(p.requires_grad for p in model.parameters())


@pytest.mark.parametrize("rule", ALL_RULES)
def test_rows_are_fitted_as_if_each_were_alone(rule):
    model, tokens = thinker(rule), text()
    together = model.fit(tokens, noise=own(0, 1, 2))
    for row in range(3):
        alone = model.fit(tokens[row : row + 1], noise=own(row))
        assert max(apart(together.row(row), alone)) < 1e-5
    assert apart(together.row(0), together.row(1))[0] > 1e-3


@pytest.mark.parametrize("rule", ALL_RULES)
def test_no_steps_give_the_prior_for_nothing(rule):
    fitted = thinker(rule).fit(text(), steps=0)
    assert STANDARD.kl(fitted).max() == 0
    assert isinstance(thinker(rule).rule(), Rule)


@pytest.mark.parametrize("time", [1, 18])
def test_too_little_and_too_much_to_fit_to_are_refused(time):
    with pytest.raises(UserError, match="fitted to 2 to 17 tokens"):
        thinker().fit(text(time))
