"""Laws of two voices: a loss is a loss, and a mixture of two distributions is one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from duotempo.core import FixedShare
from duotempo.models import voices
from duotempo.models.voices import bits, mix_logits, token_losses
from tests.models.minds import a_body, a_memory, some_ids

lively = settings(deadline=None, max_examples=30)
seeds = st.integers(0, 10_000)
losses = st.lists(st.tuples(st.floats(0, 40), st.floats(0, 40)), min_size=1, max_size=40)


@pytest.mark.parametrize("memory", [None, "weights", "latents"])
@pytest.mark.parametrize("skip", [1, 7, 39])
def test_token_losses_are_the_cross_entropy_of_what_came(memory, skip, monkeypatch):
    monkeypatch.setattr(voices, "CHUNK", 16)  # several chunks, the last of them short
    body, ids = a_body("llama"), some_ids(40, batch=2)
    state = memory and a_memory(body, memory)
    with torch.no_grad():
        x = body.trunk(ids)
        logits = body.logits(body.upper(x, state))
    truth = F.cross_entropy(logits[:, :-1].mT, ids[:, 1:], reduction="none")[:, skip - 1 :]
    torch.testing.assert_close(token_losses(body, x, ids, skip, state), truth)


@lively
@given(seed=seeds, weight=st.floats(0, 1), spread=st.floats(0, 100))
def test_a_mixture_is_a_distribution_between_its_voices(seed, weight, spread):
    logits = spread * torch.randn(2, 50, generator=torch.Generator().manual_seed(seed))
    p, (slow, fast) = mix_logits(logits, weight).exp(), logits.softmax(-1)
    torch.testing.assert_close(p.sum(), torch.tensor(1.0), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(p, (1 - weight) * slow + weight * fast, rtol=1e-3, atol=1e-6)


@lively
@given(seed=seeds)
def test_a_weight_of_0_or_1_is_one_voice_alone(seed):
    logits = torch.randn(2, 50, generator=torch.Generator().manual_seed(seed))
    for weight, row in ((0.0, 0), (1.0, 1)):
        torch.testing.assert_close(mix_logits(logits, weight), logits[row].log_softmax(-1))


@lively
@given(pairs=losses)
def test_without_a_fast_voice_all_scores_agree(pairs):
    slow = [s for s, _ in pairs]
    found = bits(slow, None, FixedShare())
    assert found.tokens == len(slow)
    assert found.none == found.alone == found.mixed
    assert math.isclose(found.none, sum(slow) / len(slow) / math.log(2))


@lively
@given(pairs=losses)
def test_mixing_costs_at_most_the_regret_bound(pairs):
    slow, fast = ([pair[i] for pair in pairs] for i in (0, 1))
    share = FixedShare()
    found = bits(slow, fast, share)
    bound = share.regret_bound(len(pairs)) / len(pairs) / math.log(2)
    assert found.mixed <= min(found.none, found.alone) + bound + 1e-9
