"""Laws of the mixture: a true mixture, never much worse than its better voice, Bayes at share 0."""

import math
from itertools import accumulate

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from duotempo.core import FixedShare, UserError
from duotempo.core.mixture import LEAST

ROUNDING = 1e-6  # nats a token: what the least weight loses in floating point
weights = st.floats(LEAST, 1 - LEAST)
nats = st.floats(0.0, 1000.0)
texts = st.lists(st.tuples(nats, nats), min_size=1, max_size=60)
mixtures = st.builds(
    FixedShare,
    share=st.sampled_from([0.0, 0.5]) | st.floats(0.0, 0.5),
    start=st.floats(1e-6, 1 - 1e-6),
)
counts = st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 1000)), min_size=2, max_size=20)


def close(number: float) -> object:
    return pytest.approx(number, rel=1e-9, abs=1e-9)


def split(text: list[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [fast for fast, _ in text], [slow for _, slow in text]


@given(mixtures, texts)
def test_mixing_never_costs_more_than_the_regret_bound(
    mixture: FixedShare, text: list[tuple[float, float]]
) -> None:
    fast, slow = split(text)
    sums = map(accumulate, (mixture.losses(fast, slow), fast, slow))
    for tokens, (mixed, f, s) in enumerate(zip(*sums, strict=True), start=1):
        assert mixed <= min(f, s) + mixture.regret_bound(tokens) + ROUNDING * tokens


@settings(max_examples=25)
@given(mixtures, st.floats(0.3, 1000), st.floats(1, 300))
def test_a_voice_that_led_for_long_is_left_when_the_other_is_a_little_better(
    mixture: FixedShare, gain: float, lead: float
) -> None:
    tokens = 1 + int(lead / gain)
    one = [0.0] + [gain] * tokens
    other = [lead] + [0.0] * tokens
    most = min(sum(one), lead) + mixture.regret_bound(len(one)) + ROUNDING * len(one)
    assert sum(mixture.losses(one, other)) <= most
    assert sum(mixture.losses(other, one)) <= most


@given(mixtures, st.integers(1, 100), st.integers(0, 100))
def test_the_bound_is_never_negative_and_grows_with_the_text(
    mixture: FixedShare, tokens: int, more: int
) -> None:
    assert 0 <= mixture.regret_bound(tokens) <= mixture.regret_bound(tokens + more)


@given(weights, counts)
def test_the_mixture_is_a_distribution_between_the_voices(
    weight: float, pairs: list[tuple[int, int]]
) -> None:
    f_all, s_all = sum(f for f, _ in pairs), sum(s for _, s in pairs)
    total = 0.0
    for f, s in pairs:
        fast, slow = -math.log(f / f_all), -math.log(s / s_all)
        mixed = FixedShare().loss(weight, fast, slow)
        assert min(fast, slow) - 1e-9 <= mixed <= max(fast, slow) + 1e-9
        total += math.exp(-mixed)
    assert total == close(1.0)


@given(weights, nats, nats)
def test_the_loss_is_that_of_the_weighted_probabilities(
    weight: float, fast: float, slow: float
) -> None:
    assume(min(fast, slow) < 600)  # beyond, the plain formula underflows
    plain = -math.log(weight * math.exp(-fast) + (1 - weight) * math.exp(-slow))
    assert FixedShare().loss(weight, fast, slow) == close(plain)


@given(mixtures, weights, nats, nats)
def test_each_voice_keeps_its_share(
    mixture: FixedShare, weight: float, fast: float, slow: float
) -> None:
    after = mixture.step(weight, fast, slow)
    least = max(mixture.share, LEAST) * (1 - 1e-12)
    assert least <= after <= 1 - least


@given(mixtures, weights, nats)
def test_voices_that_agree_only_share(mixture: FixedShare, weight: float, loss: float) -> None:
    shared = weight * (1 - mixture.share) + (1 - weight) * mixture.share
    assert mixture.step(weight, loss, loss) == close(shared)
    assert mixture.loss(weight, loss, loss) == close(loss)


@given(mixtures, weights, nats, nats, nats)
def test_a_worse_fast_voice_gets_less_weight(
    mixture: FixedShare, weight: float, fast: float, worse: float, slow: float
) -> None:
    better, worse = sorted((fast, worse))
    assert mixture.step(weight, worse, slow) <= mixture.step(weight, better, slow) + 1e-12


@given(mixtures, texts)
def test_the_voices_are_treated_alike(mixture: FixedShare, text: list[tuple[float, float]]) -> None:
    fast, slow = split(text)
    mirrored = FixedShare(mixture.share, 1 - mixture.start)
    for one, other in zip(mixture.losses(fast, slow), mirrored.losses(slow, fast), strict=True):
        assert one == pytest.approx(other, abs=ROUNDING * len(text))


@given(st.floats(0.01, 0.99), st.lists(st.tuples(st.floats(0, 30), st.floats(0, 30)), min_size=1))
def test_without_sharing_it_is_bayes(start: float, text: list[tuple[float, float]]) -> None:
    leads = [abs(lead) for lead in accumulate(f - s for f, s in text)]
    assume(max(leads) < 15)  # beyond, a weight is held at the least one
    fast, slow = split(text)
    least = min(sum(fast), sum(slow))
    bayes = least - math.log(
        start * math.exp(least - sum(fast)) + (1 - start) * math.exp(least - sum(slow))
    )
    assert sum(FixedShare(0.0, start).losses(fast, slow)) == pytest.approx(
        bayes, abs=ROUNDING * len(text)
    )


@given(mixtures, texts, st.data())
def test_a_text_may_be_cut_anywhere(
    mixture: FixedShare, text: list[tuple[float, float]], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(text)))
    weight = mixture.start
    for fast, slow in text[:cut]:
        weight = mixture.step(weight, fast, slow)
    rest = FixedShare(mixture.share, weight).losses(*split(text[cut:]))
    assert rest == mixture.losses(*split(text))[cut:]


def test_texts_of_two_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        FixedShare().losses([1.0, 2.0], [1.0])


@pytest.mark.parametrize(
    ("share", "start"),
    [(-0.1, 0.5), (0.51, 0.5), (math.nan, 0.5), (0.1, 0.0), (0.1, 1.0), (0.1, math.nan)],
)
def test_settings_that_make_no_mixture_are_refused(share: float, start: float) -> None:
    with pytest.raises(UserError, match="share must lie in"):
        FixedShare(share, start)
