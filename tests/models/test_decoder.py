"""Laws of every native model: a stream may be cut anywhere, no token sees a later one."""

import json
from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils._pytree import tree_leaves, tree_map

from duotempo.core import UserError
from duotempo.models.config import Config, MemoryConfig, from_dict
from duotempo.models.decoder import Decoder
from duotempo.models.layers import Rotary
from duotempo.models.memory import Gate
from tests.models.native import KINDS, exact, native

each_kind = pytest.mark.parametrize("kind", KINDS)
TIME = 41


def tokens(time: int = TIME, batch: int = 2, seed: int = 0) -> torch.Tensor:
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 19, (batch, time), generator=g)


def gap(a, b) -> float:
    pairs = list(zip(tree_leaves(a), tree_leaves(b), strict=True))
    return max((x.double() - y.double()).abs().max().item() for x, y in pairs if x.numel())


@each_kind
@settings(deadline=None, max_examples=10)
@given(cuts=st.lists(st.integers(0, TIME), max_size=4))
def test_a_stream_may_be_cut_anywhere(kind, cuts):
    model = native(kind)
    with torch.no_grad():
        whole, after = model(tokens())
        state, parts = None, []
        for start, end in pairwise([0, *sorted(cuts), TIME]):
            logits, state = model(tokens()[:, start:end], state)
            parts.append(logits)
    assert gap((torch.cat(parts, 1), state), (whole, after)) <= 1e-12


@each_kind
def test_token_by_token_is_the_whole_piece(kind):
    model = native(kind)
    with torch.no_grad():
        whole, after = model(tokens())
        state, parts = None, []
        for t in range(TIME):
            logits, state = model(tokens()[:, t : t + 1], state)
            parts.append(logits)
    assert gap((torch.cat(parts, 1), state), (whole, after)) <= 1e-12


@each_kind
@pytest.mark.parametrize("shut", [False, True])
def test_reading_without_logits_leaves_the_same_state(kind, shut):
    """Also where no gate opens and the last memory rests."""
    model = native(kind)
    for gate in (m for m in model.modules() if isinstance(m, Gate) and shut):
        gate.out.bias.data[: gate.rule.heads] = -60.0
        gate.config = replace(gate.config, dead_zone=0.1)
    with torch.no_grad():
        _, begun = native(kind)(tokens(20))
        after = model.read(tokens(), begun)
        assert gap(after, model(tokens(), begun)[1]) <= 1e-12
        assert gap(model.read(tokens(1), begun), model(tokens(1), begun)[1]) <= 1e-12


@each_kind
def test_no_token_sees_a_later_one(kind):
    model, changed = native(kind), tokens()
    changed[:, 20] = (changed[:, 20] + 1) % 19
    with torch.no_grad():
        a, b = model(tokens())[0], model(changed)[0]
    assert gap(a[:, :20], b[:, :20]) == 0
    assert gap(a[:, 20:], b[:, 20:]) > 1e-6


@each_kind
def test_pads_in_front_change_nothing(kind):
    """Rows of different length in one batch; where chunks count tokens, the pads fill chunks."""
    model, length = native(kind), 72 if not exact(kind) else 5
    pads = torch.zeros(2, TIME + length, dtype=torch.bool)
    pads[0, :length] = True
    padded = torch.cat((torch.full((2, length), 3), tokens()), 1)
    with torch.no_grad():
        alone = model(tokens()[:1])[0]
        together = model(padded, pads=pads)[0][:1, length:]
        first, state = model(padded[:, : length + 4], pads=pads[:, : length + 4])
        rest, _ = model(padded[:, length + 4 :], state)
    assert gap(together, alone) <= 1e-11
    assert gap(torch.cat((first, rest), 1)[:1, length:], alone) <= 1e-11


@each_kind
def test_a_streams_memory_does_not_grow(kind):
    """Once window and segment are full, the state's size depends on the position no more."""
    if kind == "transformer":
        return
    model = native(kind)
    with torch.no_grad():
        _, state = model(tokens(18))
        _, later = model(tokens(90), state)
    assert later.bytes == state.bytes


@each_kind
def test_rows_of_a_batch_do_not_mix(kind):
    model, swap = native(kind), torch.tensor([1, 0])
    with torch.no_grad():
        out = model(tokens())
        swapped = model(tokens()[swap])
    assert gap(tree_map(lambda x: x[swap], out), swapped) <= 1e-13


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "latent"])
def test_every_weight_learns(kind):
    model = native(kind).train()
    logits, _ = model(tokens())
    torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens(seed=1).flatten()).backward()
    still = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.abs().max() > 0}
    assert still == set()


@pytest.mark.parametrize("kind", ["mag", "mac", "mag, deep", "lmm, by chunk"])
def test_checkpointing_changes_memory_and_not_gradients(kind):
    def gradients(checkpoint: int):
        torch.manual_seed(0)
        model = Decoder(replace(KINDS[kind], checkpoint=checkpoint)).double()
        model(tokens())[0].pow(2).sum().backward()
        return [p.grad for p in model.parameters()]

    assert gap(gradients(0), gradients(5)) <= 1e-10


@each_kind
def test_a_config_survives_json(kind):
    config = KINDS[kind]
    again = from_dict(json.loads(json.dumps(config.to_dict())))
    assert again == config
    assert again.hash == config.hash


def test_a_window_forgets_and_a_memory_does_not():
    """Seven tokens back is out of sight of two window layers of seven after thirteen tokens."""
    changed = tokens()
    changed[:, 2] = (changed[:, 2] + 1) % 19
    for kind, remembers in (("window", False), ("mag", True), ("lmm", True), ("mac", True)):
        model = native(kind)
        with torch.no_grad():
            far = gap(model(tokens())[0][:, 30:], model(changed)[0][:, 30:])
        assert (far > 0) == remembers, kind


def test_a_far_position_turns_as_a_near_one():
    """Rotary angles at token two million are as good as at the start, in float32."""
    rotary, x = Rotary(8), torch.randn(1, 1, 5, 8)
    near, far = (rotary(x, torch.tensor([p])) for p in (0, 2_000_000))
    assert gap(near @ near.mT, far @ far.mT) < 1e-5


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (torch.zeros(1, 3), "whole numbers"),
        (torch.zeros(3, dtype=torch.int64), "shape"),
        (torch.tensor([[19]]), "vocabulary of 19"),
        (torch.tensor([[-1]]), "vocabulary of 19"),
    ],
)
def test_wrong_tokens_are_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        native("mag")._check(wrong, None)  # the shapes that tests check would refuse first


def test_a_state_of_other_rows_is_refused():
    model = native("mag")
    with pytest.raises(UserError, match="as many rows"):
        model(tokens(batch=2), model.init(3))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"width": 0}, "width=0"),
        ({"width": 10, "heads": 4}, "even"),
        ({"layout": ("rnn",)}, "name blocks"),
        ({"window": 0}, "window=0"),
        ({"combine": "gatex"}, "one of gate, add"),
        ({"memory": MemoryConfig(values="bytes")}, "one of stream"),
        ({"memory": MemoryConfig(rule="lstm")}, "choose one of"),
        ({"memory": MemoryConfig(chunk=0)}, "chunk=0"),
        ({"memory": MemoryConfig(rule="titans-mlp", depth=5)}, "1 to 4"),
    ],
)
def test_wrong_configs_are_refused(change, says):
    with pytest.raises(UserError, match=says):
        Config(**change)
    with pytest.raises(UserError):
        from_dict({"memory": {"no such": 1}})
