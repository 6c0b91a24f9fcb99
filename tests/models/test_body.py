"""Laws of a body: it says what the model says, wherever it is cut, and quiet rows stay quiet."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.utils.hooks import RemovableHandle

from duotempo.core import UserError
from duotempo.models.body import Past, Split, Whole, open_body
from duotempo.models.sites import find_sites, hooked
from tests.models.minds import a_body, a_memory, a_model, some_ids
from tests.models.tiny import tiny_llama

BODIES = ["llama", "gpt2", "sliding"]
MINDS = [(body, None) for body in BODIES]
MINDS += [(body, "weights") for body in BODIES] + [("llama", "latents")]
each_mind = pytest.mark.parametrize(("kind", "memory"), MINDS)
TIME = 24
cuts = st.sets(st.integers(1, TIME - 1), max_size=6)


def said(body, ids, memory=None, quiet=0):
    with torch.no_grad():
        return body.logits(body.upper(body.trunk(ids), memory, quiet=quiet))


def said_in_pieces(body, ids, cuts, memory=None, quiet=0):
    past, found, ends = Past(), [], [0, *sorted(cuts), ids.shape[1]]
    with torch.no_grad():
        for start, end in pairwise(ends):
            x = body.trunk(ids[:, start:end], past)
            found.append(body.logits(body.upper(x, memory, past, quiet)))
    assert past.length == ids.shape[1]
    return torch.cat(found, dim=1)


def near(a, b):
    torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("share", [0.5, 1.0, 0.0])
@pytest.mark.parametrize("kind", ["llama", "gpt2", "sliding", "eager"])
def test_a_body_says_what_its_model_says(kind, share):
    model, ids = a_model(kind), some_ids(TIME, batch=2)
    near(said(open_body(model, share), ids), model(ids).logits)


def test_a_plain_stack_of_layers_is_split_below_its_share():
    body = a_body("llama")
    assert isinstance(body, Split)
    assert body.lower == 1
    assert all(name.startswith("model.layers.1.mlp.") for name in body.sites)
    assert open_body(a_model("llama"), 1.0).lower == 0


@pytest.mark.parametrize("kind", ["gpt2", "sliding", "eager"])
def test_any_other_stack_is_run_whole(kind):
    assert isinstance(a_body(kind), Whole)


@each_mind
@settings(deadline=None, max_examples=15)
@given(cuts=cuts)
def test_a_stream_may_be_cut_anywhere(kind, memory, cuts):
    body, ids = a_body(kind), some_ids(TIME)
    state = memory and a_memory(body, memory)
    near(said_in_pieces(body, ids, cuts, state), said(body, ids, state))


@each_mind
@settings(deadline=None, max_examples=10)
@given(cuts=cuts)
def test_a_quiet_row_hears_no_memory_and_the_other_hears_it_alone(kind, memory, cuts):
    body, ids = a_body(kind), some_ids(TIME)
    state = memory and a_memory(body, memory)
    alone, none, pair = said(body, ids, state), said(body, ids), ids.expand(2, -1)
    assert state is None or not torch.allclose(alone, none, atol=1e-2)
    for both in (said(body, pair, state, 1), said_in_pieces(body, pair, cuts, state, 1)):
        near(both[:1], none)
        near(both[1:], alone)


def test_two_voices_may_share_one_trunk():
    body, ids = a_body("llama"), some_ids(TIME)
    state = a_memory(body, "latents")
    with torch.no_grad():
        x = body.trunk(ids)
        both = body.logits(body.upper(x.expand(2, -1, -1), state, quiet=1))
    near(both, torch.cat([said(body, ids), said(body, ids, state)]))


def test_a_head_with_a_bias_is_no_plain_product(tmp_path):
    model = type(a_model("llama")).from_pretrained(tiny_llama(tmp_path, layers=2, width=16)).eval()
    model.lm_head = nn.Linear(16, 257)
    model.lm_head.weight.data.normal_()
    model.lm_head.bias.data.normal_()
    body, ids = open_body(model), some_ids(TIME)
    assert isinstance(body, Split)
    assert body.head is None
    near(said(body, ids), model(ids).logits)


@pytest.mark.parametrize("kind", ["no mlp", "experts", "shared expert"])
def test_a_model_whose_layers_are_not_known_is_refused_with_a_way_out(kind):
    with pytest.raises(UserError, match="fast='none'"):
        open_body(a_model(kind))
    ids = some_ids(TIME)
    body = open_body(a_model(kind), 0.0)
    near(said(body, ids), a_model(kind)(ids).logits)
    near(said_in_pieces(body, ids, {3, 4, 11}), said(body, ids))


def test_a_model_without_a_list_of_layers_is_refused_with_a_way_out():
    model = a_model("llama")
    model.config.num_hidden_layers += 1
    try:
        with pytest.raises(UserError, match="fast='none'"):
            open_body(model)
    finally:
        model.config.num_hidden_layers -= 1


def test_a_model_that_does_not_go_on_from_a_cache_is_refused():
    with pytest.raises(UserError, match="attention in every layer"):
        open_body(a_model("recurrent"), 0.0)


def test_a_body_run_whole_takes_no_latents():
    state = a_memory(a_body("llama"), "latents")
    with pytest.raises(UserError, match="fast='weights'"):
        said(a_body("gpt2"), some_ids(4), state)


@pytest.mark.parametrize("kind", BODIES)
def test_hooks_go_when_the_model_fails(kind):
    body, ids = a_body(kind), some_ids(TIME)
    before, state = said(body, ids), a_memory(body, "weights")
    with pytest.raises(RuntimeError), state.attached(body):
        raise RuntimeError
    broken = state.replaced({n: t[:1, :1] for n, t in state.tensors.items()})
    with pytest.raises(RuntimeError):
        said(body, ids, broken)
    assert torch.equal(said(body, ids), before)


@pytest.mark.parametrize("calls", range(6))
def test_hooks_say_nothing_after_an_interrupt_at_any_moment(calls, monkeypatch):
    body, ids = a_body("llama"), some_ids(TIME)
    before, state = said(body, ids), a_memory(body, "weights")
    left = [calls]

    def interrupted(real):
        def call(*args, **kwargs):
            found = real(*args, **kwargs)
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return found

        return call

    register = nn.Module.register_forward_hook
    monkeypatch.setattr(nn.Module, "register_forward_hook", interrupted(register))
    monkeypatch.setattr(RemovableHandle, "remove", interrupted(RemovableHandle.remove))
    with pytest.raises(KeyboardInterrupt):
        said(body, ids, state)
    monkeypatch.undo()
    try:
        assert torch.equal(said(body, ids), before)
    finally:
        for module in body.sites.values():
            module._forward_hooks.clear()


def test_a_hook_speaks_within_and_not_after():
    (name, module), *_ = find_sites(a_model("llama"), 1).items()
    ids = some_ids(TIME)
    before = a_model("llama")(ids).logits
    with hooked({module: lambda module, inputs, output: output + 1}):
        within = a_model("llama")(ids).logits
    assert not torch.allclose(within, before), name
    assert torch.equal(a_model("llama")(ids).logits, before)
