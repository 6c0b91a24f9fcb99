"""Laws of passes: they touch nothing, a seed is a state, and what was read is learned."""

from itertools import islice

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.pretrained import fingerprint
from duotempo.models.voices import token_losses
from duotempo.sleep.latents import Latents
from duotempo.sleep.lessons import Lessons
from duotempo.sleep.passes import KINDS, Passes, rounded, state_bytes
from duotempo.sleep.weights import Weights
from tests.models.minds import a_body, a_memory, a_model, some_ids

MINDS = [("llama", "weights"), ("llama", "latents"), ("gpt2", "weights")]
each_mind = pytest.mark.parametrize(("kind", "memory"), MINDS)
TEXT = some_ids(72, 5)[0]
START = {"weights": Weights(rank=4, rate=1e-2), "latents": Latents(count=8)}


def a_sleep(kind, memory, passes, replayed=(), text=TEXT):
    """The start of a sleep on the text, and its candidates."""
    body = a_body(kind)
    start = START[memory].init(body, text, 0)
    lessons = Lessons(24, 48, 8).make(body, text, text[:0])
    return start, passes.candidates(body, start, START[memory].rate, lessons, replayed)


def same(a, b):
    return a.tensors.keys() == b.tensors.keys() and all(
        torch.equal(t, b.tensors[n]) for n, t in a.tensors.items()
    )


@each_mind
def test_a_sleep_leaves_its_start_and_the_model_as_they_are(kind, memory):
    before = fingerprint(a_model(kind))
    start, candidates = a_sleep(kind, memory, Passes(2))
    kept = {name: tensor.clone() for name, tensor in start.tensors.items()}
    one, two = (candidate.value for candidate in candidates)
    assert fingerprint(a_model(kind)) == before
    assert all(torch.equal(t, start.tensors[n]) for n, t in kept.items())
    assert not same(one, rounded(start))
    assert not same(two, one)


@each_mind
def test_a_candidate_does_not_change_when_more_are_asked_for(kind, memory):
    _, candidates = a_sleep(kind, memory, Passes(3))
    first = next(candidates).value
    kept = {name: tensor.clone() for name, tensor in first.tensors.items()}
    list(candidates)
    assert all(torch.equal(t, first.tensors[n]) for n, t in kept.items())


@each_mind
def test_the_same_seed_is_the_same_state_however_many_passes_may_follow(kind, memory):
    replayed = Lessons(24, 48, 8).make(a_body(kind), some_ids(48, 6)[0], TEXT[:0])
    few, many, other = (
        [c.value for c in islice(a_sleep(kind, memory, passes, replayed)[1], 2)]
        for passes in (Passes(2, seed=3), Passes(9, seed=3), Passes(2, seed=4))
    )
    assert [same(a, b) for a, b in zip(few, many, strict=True)] == [True, True]
    assert not same(few[1], other[1])


@each_mind
def test_text_slept_on_is_foretold_better(kind, memory):
    text = some_ids(12, 7)[0].repeat(6)  # a text that says one thing six times
    _, candidates = a_sleep(kind, memory, Passes(6, distill=0.0), text=text)
    *_, last = candidates
    body, ids = a_body(kind), text[None]
    x = body.trunk(ids)
    before, after = (token_losses(body, x, ids, 1, m).mean().item() for m in (None, last.value))
    assert after < before - 0.3


def test_fast_weights_begin_as_nothing():
    for kind in ("llama", "gpt2"):
        body, ids = a_body(kind), some_ids(20)
        state = Weights(rank=3).init(body, TEXT, 0)
        x = body.trunk(ids)
        assert torch.equal(body.upper(x, state), body.upper(x))


def test_fast_latents_begin_as_the_text_itself_before_position_0():
    body = a_body("llama")
    x, state = body.trunk(some_ids(20)), Latents(count=8).init(body, TEXT, 0)
    keys, values = state.slots[1]
    assert keys.shape == values.shape == (1, 2, 8, 4)
    assert not torch.allclose(body.upper(x, state), body.upper(x), atol=1e-2)


def test_fast_latents_are_what_the_text_in_the_cache_would_be():
    """Only relative positions count, so the slots of a text act as the text read just before."""
    body, ids = a_body("llama"), some_ids(20)
    state = Latents(count=8).init(body, TEXT, 0)
    with torch.no_grad():
        trunk = torch.cat([body.trunk(TEXT[None, :8]), body.trunk(ids)], dim=1)
        read = body.upper(trunk)[:, 8:]
        slept = body.upper(body.trunk(ids), state)
    torch.testing.assert_close(slept, read, rtol=1e-4, atol=1e-4)


def test_a_short_text_makes_as_many_latents_as_it_has_tokens():
    state = Latents(count=8).init(a_body("llama"), TEXT[:3], 0)
    assert state.slots[1][0].shape[2] == 3


@pytest.mark.parametrize("most", [0, 1, 3])
def test_there_are_as_many_candidates_as_passes(most):
    _, candidates = a_sleep("llama", "weights", Passes(most))
    assert [candidate.passes for candidate in candidates] == list(range(1, most + 1))


@pytest.mark.parametrize(("replay", "steps"), [(0.0, 3), (1.0, 6)])
def test_replayed_lessons_are_strewn_in_as_often_as_asked(replay, steps):
    told, body = [], a_body("llama")
    lessons = Lessons(24, 48, 0).make(body, TEXT, TEXT[:0])
    start, passes = START["weights"].init(body, TEXT, 0), Passes(1, replay=replay)
    list(
        passes.candidates(body, start, 1e-3, lessons, lessons[:1], lambda *said: told.append(said))
    )
    assert told[-1] == ("sleep, pass 1", steps, steps)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: Passes(-1),
        lambda: Weights(rank=0).init(a_body("llama"), TEXT, 0),
        lambda: Latents(count=0).init(a_body("llama"), TEXT, 0),
        lambda: Latents().init(a_body("gpt2"), TEXT, 0),
    ],
)
def test_what_makes_no_sense_is_refused_with_a_sentence(wrong):
    with pytest.raises(UserError, match=r"must be|fast='weights'"):
        wrong()


@pytest.mark.parametrize("memory", list(KINDS))
def test_a_state_is_swapped_and_measured_in_bytes(memory):
    body, ids = a_body("llama"), some_ids(20)
    x = body.trunk(ids)
    one, two = (rounded(a_memory(body, memory, seed=seed)) for seed in (1, 2))
    swapped = one.replaced(two.tensors)
    assert torch.equal(body.upper(x, swapped), body.upper(x, two))
    assert not torch.equal(body.upper(x, one), body.upper(x, two))
    numbers = sum(t.numel() for t in one.tensors.values())
    assert state_bytes(one) == 2 * numbers  # bf16
    assert state_bytes(None) == 0


def test_zeroed_fast_weights_are_no_memory():
    body, ids = a_body("gpt2"), some_ids(20)
    state, x = a_memory(body, "weights"), body.trunk(ids)
    zeroed = state.replaced({n: torch.zeros_like(t) for n, t in state.tensors.items()})
    assert torch.equal(body.upper(x, zeroed), body.upper(x))


def test_a_state_of_another_model_is_refused_with_a_sentence():
    state = a_memory(a_body("gpt2"), "weights")
    body = a_body("llama")
    with pytest.raises(UserError, match="the model it was made with"):
        body.upper(body.trunk(some_ids(5)), state)
