"""Laws of the lesson's loss: the fast form is the plain one, and it never claims too much."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from duotempo.sleep.loss import LEAST, TopGuesses, fused_lesson_loss, lesson_loss

VOCAB, WIDTH = 23, 5
lively = settings(deadline=None, max_examples=40)
seeds = st.integers(0, 10_000)
tops = st.sampled_from([None, 1, 4, VOCAB])
distills = st.floats(0, 3)


def a_lesson(seed, top, time=6, spread=1.0, dtype=torch.float64):
    """Hidden states, head, targets and a teacher whose first guess is half the targets."""
    g = torch.Generator().manual_seed(seed)
    y = spread * torch.randn(time, WIDTH, generator=g, dtype=dtype)
    head = torch.randn(VOCAB, WIDTH, generator=g, dtype=dtype)
    taught = torch.randn(time, VOCAB, generator=g, dtype=dtype).log_softmax(-1)
    targets = torch.randint(VOCAB, (time,), generator=g)
    targets[::2] = taught.argmax(1)[::2]
    if top is None:
        return y, head, targets, None, taught
    return y, head, targets, TopGuesses(*taught.topk(top, dim=1)), taught


def unclamped(y, head, teacher):
    """Whether both keep enough probability for "any other token" to divide by."""
    if teacher is None or teacher.ids.shape[1] == VOCAB:
        return True
    p = (y @ head.T).softmax(1).gather(1, teacher.ids)
    return bool((1 - p.sum(1) > 2 * LEAST).all())


def value_and_slope(loss, y):
    y = y.clone().requires_grad_()
    found = loss(y)
    found.backward()
    return found.detach(), y.grad


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@lively
@given(seed=seeds, top=tops, distill=distills, spread=st.floats(0.1, 2))
def test_the_fused_loss_is_the_plain_one_in_value_and_gradient(dtype, seed, top, distill, spread):
    y, head, targets, teacher, _ = a_lesson(seed, top, spread=spread, dtype=dtype)
    assume(unclamped(y, head, teacher))
    plain = value_and_slope(lambda y: lesson_loss(y @ head.T, targets, teacher, distill), y)
    fused = value_and_slope(lambda y: fused_lesson_loss(y, head, targets, teacher, distill), y)
    tight = 1e-7 if dtype == torch.float64 else 2e-3
    torch.testing.assert_close(fused, plain, rtol=tight, atol=tight)


def test_the_gradient_is_the_slope_of_the_value():
    y, head, targets, teacher, _ = a_lesson(3, 4)
    y.requires_grad_()
    assert torch.autograd.gradcheck(lambda y: fused_lesson_loss(y, head, targets, teacher, 0.7), y)


@lively
@given(seed=seeds, top=tops, distill=distills)
def test_a_student_that_is_very_sure_costs_a_finite_loss_with_a_finite_gradient(seed, top, distill):
    y, head, targets, teacher, _ = a_lesson(seed, top, spread=300.0, dtype=torch.float32)
    for loss in (
        lambda y: lesson_loss(y @ head.T, targets, teacher, distill),
        lambda y: fused_lesson_loss(y, head, targets, teacher, distill),
    ):
        value, slope = value_and_slope(loss, y)
        assert value.isfinite()
        assert slope.isfinite().all()


@lively
@given(seed=seeds, top=st.integers(1, VOCAB), distill=distills)
def test_the_teachers_share_never_exceeds_the_full_divergence(seed, top, distill):
    y, head, targets, teacher, taught = a_lesson(seed, top)
    assume(unclamped(y, head, teacher))
    logp = (y @ head.T).log_softmax(-1)
    full = (taught.exp() * (taught - logp)).sum(1).mean()
    told = lesson_loss(logp, targets, teacher, distill)
    learned = lesson_loss(logp, targets, None, distill)
    assert learned - 1e-4 <= told <= learned + distill * full + 1e-4  # 1e-4: the clamp at 1e-6


@lively
@given(seed=seeds, distill=distills)
def test_all_guesses_are_the_full_divergence(seed, distill):
    y, head, targets, teacher, taught = a_lesson(seed, VOCAB)
    logp = (y @ head.T).log_softmax(-1)
    full = (taught.exp() * (taught - logp)).sum(1).mean()
    told = lesson_loss(logp, targets, teacher, distill)
    torch.testing.assert_close(told, lesson_loss(logp, targets, None, 0.0) + distill * full)


@lively
@given(seed=seeds, top=st.sampled_from([1, 4, VOCAB]))
def test_a_teacher_that_weighs_nothing_teaches_nothing(seed, top):
    y, head, targets, teacher, _ = a_lesson(seed, top)
    without = value_and_slope(lambda y: fused_lesson_loss(y, head, targets, None, 0.3), y)
    unheard = value_and_slope(lambda y: fused_lesson_loss(y, head, targets, teacher, 0.0), y)
    torch.testing.assert_close(unheard, without)


@lively
@given(seed=seeds, top=st.sampled_from([1, 4, VOCAB]), distill=distills)
def test_a_student_who_is_the_teacher_is_taught_nothing(seed, top, distill):
    y, head, targets, _, _ = a_lesson(seed, None)
    own = TopGuesses(*(y @ head.T).log_softmax(-1).topk(top, dim=1))
    assume(unclamped(y, head, own))
    taught = value_and_slope(lambda y: fused_lesson_loss(y, head, targets, own, distill), y)
    alone = value_and_slope(lambda y: fused_lesson_loss(y, head, targets, None, distill), y)
    torch.testing.assert_close(taught, alone, rtol=1e-5, atol=1e-5)
