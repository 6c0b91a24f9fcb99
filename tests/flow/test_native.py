"""Native models as subjects: every kind's writes sum, its state comes apart by channel."""

from dataclasses import replace
from functools import cache

import pytest
import torch

from duotempo.flow import Subject, cases, groups_of, shares, sufficiency
from duotempo.flow.native import Native
from duotempo.flow.subject import ATTENTION, LATENT, MIXED, PERSISTENT, TAILS
from duotempo.models.decoder import Decoder
from duotempo.models.latent import LatentDecoder
from duotempo.models.thinking import Thinking
from tests.flow.test_huggingface import facts as other_facts
from tests.models.native import KINDS, MEMORY, SMALL

MORE = {
    "mag, added": replace(SMALL, combine="add", layout=("mag", "mag")),
    "mal, added": replace(SMALL, combine="add", layout=("mal",), block_conv=3),
    "mac, added": replace(SMALL, combine="add", layout=("mac",)),
}
ALL = {**KINDS, **MORE}
each = pytest.mark.parametrize("kind", ALL)


@cache
def subject(kind):
    """A tiny random model of a kind, memories that write strongly."""
    torch.manual_seed(0)
    if kind == "thinking":
        shape = replace(KINDS["latent"], layout=("latent", "attention"))
        model: Decoder = LatentDecoder(shape, Thinking(segment=6))
    else:
        model = Decoder(ALL[kind])
    return Native(model.double().requires_grad_(False))


def some(count, seed=0):
    """Random tokens."""
    return torch.randint(19, (count,), generator=torch.Generator().manual_seed(seed))


def facts():
    """Probes about nothing over 19 tokens."""
    return [
        replace(
            probe,
            questions=tuple(
                replace(
                    q, tokens=q.tokens % 19, candidates=tuple(torch.tensor([i]) for i in range(3))
                )
                for q in probe.questions
            ),
            document=some(20, at),
            twin=some(20, 50 + at),
        )
        for at, probe in enumerate(other_facts())
    ]


@each
def test_a_trace_is_the_models_own_run(kind):
    model = subject(kind)
    assert isinstance(model, Subject)
    document, question = some(23), some(5, 1)
    trace = model.run(question, model.read(document, model.empty()))
    wanted = model.model(torch.cat((document, question))[None])[0][0, -5:]
    torch.testing.assert_close(trace.logits, wanted)
    torch.testing.assert_close(model.unembed(trace.streams[-1]), wanted)
    assert len(trace.streams) == len(model.places)
    assert torch.isfinite(trace.streams).all()


@each
def test_a_changed_write_is_in_the_stream(kind):
    model = subject(kind)
    tokens, state = some(6), model.read(some(23), model.empty())
    plain = model.run(tokens, state)
    for at, place in enumerate(model.places):
        if not place.apart or at % 2:
            continue  # every other place will do
        trace = model.run(tokens, state, lambda p, w, own=place: w + 1 if p == own else w)
        torch.testing.assert_close(trace.streams[:at], plain.streams[:at])
        torch.testing.assert_close(trace.writes[at], plain.writes[at] + 1)
        assert not torch.allclose(trace.logits, plain.logits)


def test_persistent_tokens_write_what_is_left_out_without_them():
    model = subject("window")
    at = [place.channel for place in model.places].index(PERSISTENT)
    trace = model.run(some(6), model.empty())
    prefix = model.model.blocks[0].attention.prefix
    kept = prefix.clone()
    with torch.no_grad():
        prefix[1] = 0
        rest = model.run(some(6), model.empty())
        prefix.copy_(kept)
    assert trace.writes[at].abs().max() > 1e-3
    assert rest.writes[at].abs().max() < 1e-12
    torch.testing.assert_close(rest.writes[at + 1], trace.writes[at + 1])


@each
def test_all_channels_together_are_the_state(kind):
    model = subject(kind)
    own, donor = (model.read(some(23, seed), model.empty()) for seed in (1, 2))
    question = some(5, 3)
    whole = model.run(question, model.swapped(own, donor, model.stores)).logits
    torch.testing.assert_close(whole, model.run(question, donor).logits)
    torch.testing.assert_close(
        model.run(question, model.swapped(own, donor, [])).logits,
        model.run(question, own).logits,
    )


@each
def test_every_channel_of_the_state_is_heard(kind):
    model = subject(kind)
    own, donor = (model.read(some(23, seed), model.empty()) for seed in (1, 2))
    question = some(5, 3)
    plain = model.run(question, own).logits
    for name in model.stores:
        if name == LATENT:
            continue  # without a model that thinks they stay at the prior's mean
        swapped = model.swapped(own, donor, [name])
        assert not torch.allclose(model.run(question, swapped).logits, plain), name


@pytest.mark.parametrize("kind", ["transformer", "window", "mag", "mal", "lmm", "mag, added"])
def test_a_stream_gives_the_state_back(kind):
    model = subject(kind)
    before = model.read(some(23, 4), model.empty())
    found = sufficiency(model, some(9), before, tokens=3)
    assert found.sufficient, found.ways
    assert all(way.kl < 1e-12 for way in sufficiency(model, some(9), tokens=3).outside)
    outside = {way.name: way.kl for way in found.outside}
    assert all(outside[name] > 0 for name in model.stores if name.startswith("memory."))


@pytest.mark.parametrize("kind", ["window", "mag", "mac", "latent", "mag, added", "mal, added"])
def test_shares_sum_and_what_is_mixed_is_said(kind):
    model = subject(kind)
    ready = cases(model, facts()[:1])
    found = shares(model, ready)
    assert found.refused == ""
    margin = ready[0].probe.question.margin(ready[0].plain.logits[-1])
    assert sum(row.direct.value for row in found.rows if row.direct) == pytest.approx(margin)
    assert found.mixed == (MIXED in {place.channel for place in model.places})
    assert found.mixed == (kind in ("mag", "mac"))
    total = {row.group: row.total.value for row in found.rows if row.total}
    assert set(total) == {group.name for group in groups_of(model)}


def test_the_groups_of_a_memory_model():
    names = [group.name for group in groups_of(subject("mag, added"))]
    assert names == ["context", "memory.0", "memory.1", "slots", "weights"]
    assert subject("mag, added").stores == (ATTENTION, TAILS, "memory.0", "memory.1")
    three = Native(Decoder(replace(SMALL, layout=("lmm",) * 3, memory=replace(MEMORY, kernel=1))))
    assert [group.name for group in groups_of(three)] == ["memory", "weights"]


def test_a_store_fact_is_asked_of_memories_alone():
    model = subject("mag, added")
    probe = replace(facts()[0], kind="store")
    state = cases(model, [probe])[0].own
    empty = model.empty()
    for own, new in zip(state.blocks, empty.blocks, strict=True):
        assert not bool(own.parts[0].valid.any())
        assert torch.equal(own.parts[1].last, new.parts[1].last)
        assert bool(own.parts[1].rule.memory.abs().max() > 0)
    assert int(state.position) == 20


def test_a_model_that_thinks_is_asked_with_the_latents_of_the_document():
    model = subject("thinking")
    assert model.stores == (ATTENTION, TAILS, LATENT) or model.stores == (ATTENTION, LATENT)
    own, donor = (model.read(some(14, seed), model.empty()) for seed in (1, 2))
    question = some(3, 3)
    trace = model.run(question, own)
    wanted = model.model(torch.cat((some(14, 1), question))[None])[0][0, -3:]
    torch.testing.assert_close(trace.logits, wanted)
    swapped = model.run(question, model.swapped(own, donor, [LATENT])).logits
    assert not torch.allclose(swapped, trace.logits)
    both = model.swapped(own, donor, model.stores)
    torch.testing.assert_close(model.run(question, both).logits, model.run(question, donor).logits)
