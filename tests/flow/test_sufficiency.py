"""State sufficiency on planted models: the stream gives all back but what was stored earlier."""

import math

import pytest
import torch

from duotempo.core import UserError
from duotempo.flow import sufficiency
from tests.flow.planted import REDUNDANT, SINGLE, STORE, VOCAB, answer, filler, ids

TEXT = ids(filler(), 2, answer(3), filler(1), 2)


def nats(gain):
    """KL of one logit of `gain` among zeros to no preference at all."""
    top = math.exp(gain) / (math.exp(gain) + VOCAB - 1)
    rest = (1 - top) / (VOCAB - 1)
    return top * math.log(top * VOCAB) + (VOCAB - 1) * rest * math.log(rest * VOCAB)


@pytest.mark.parametrize("subject", [*SINGLE.values(), REDUNDANT])
def test_a_text_met_empty_is_wholly_in_its_stream(subject):
    found = sufficiency(subject, TEXT, tokens=5)
    assert found.sufficient
    assert {way.name: (way.same, way.most) for way in found.ways} == {
        "anew": (True, 0.0),
        "checkpoints": (True, 0.0),
    }
    assert all(way.most == 0 and way.same for way in found.outside)


def test_what_a_store_knew_before_is_not_in_the_stream():
    subject = SINGLE["far"]
    before = subject.read(ids(2, answer(1), *[filler()] * 8), subject.empty())
    found = sufficiency(subject, ids(filler(), 2), before, tokens=1)
    assert found.sufficient  # the stream and what was known before it
    outside = {way.name: way for way in found.outside}
    assert outside[STORE].most == pytest.approx(nats(8.0), rel=1e-9)
    assert outside["all"].kl == outside[STORE].kl
    assert outside["attention"].most == outside["tails"].most == 0
    assert not outside[STORE].same


def test_another_store_matters_only_where_it_is_read():
    subject = SINGLE["near"]
    before = subject.read(ids(2, answer(1), *[filler()] * 8), subject.empty())
    found = sufficiency(subject, TEXT, before, tokens=3)
    assert {way.name: way.most for way in found.outside}[STORE] == 0


def test_a_broken_checkpoint_is_seen():
    class Forgetful(type(SINGLE["near"])):
        def rebuilt(self, streams, state):
            return state

    found = sufficiency(Forgetful(SINGLE["near"].parts), TEXT, tokens=1)
    assert not found.sufficient
    assert found.ways[1].most == pytest.approx(nats(8.0), rel=1e-9)


def test_too_short_a_text_is_refused():
    with pytest.raises(UserError, match="at least two"):
        sufficiency(SINGLE["near"], torch.tensor([1]))
