"""Laws of every fast-weight rule, in float64: the chunk form is the token loop, cut anywhere."""

import dataclasses
from itertools import pairwise
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize
from torch.utils._pytree import tree_leaves, tree_map

from duotempo.core import UserError
from duotempo.rules import RULES, Gates, Rule, TitansLinear, TitansMLP, TitansMLPByChunk
from duotempo.rules.titans_mlp import Deep

SIZES = {"heads": 2, "key": 6, "value": 5, "chunk": 8}
VARIANTS: dict[str, Rule] = {name: kind(**SIZES) for name, kind in RULES.items()}
VARIANTS |= {
    f"titans-mlp, {depth} layers": TitansMLP(**SIZES, depth=depth, hidden=7) for depth in (1, 3, 4)
}
VARIANTS |= {
    "titans-linear without momentum": TitansLinear(**SIZES, momentum=False),
    "titans-linear without decay": TitansLinear(**SIZES, decay=False),
    "titans-mlp without momentum": TitansMLP(**SIZES, momentum=False),
    "titans-mlp without decay": TitansMLP(**SIZES, decay=False),
    "titans-mlp-by-chunk without momentum": TitansMLPByChunk(**SIZES, momentum=False),
}
BATCH, TIME = 2, 37

each_rule = pytest.mark.parametrize("rule", VARIANTS.values(), ids=VARIANTS.keys())


def inputs(rule: Rule, time: int = TIME, seed: int = 0, starts: bool = False, pads: bool = False):
    """Unit keys and queries, values, gates and a slow start; some pads and starts if wanted."""
    g = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64)

    row = (BATCH, rule.heads, time)
    q, k = (normalize(draw(*row, rule.key), dim=-1) for _ in range(2))
    v = draw(*row, rule.value)
    momentum = logsigmoid(draw(*row)) if rule.has_momentum else None
    gates = Gates(
        step=draw(*row).sigmoid() * rule.bound(momentum),
        keep=logsigmoid(draw(*row) + 3) if rule.has_decay else None,
        momentum=momentum,
        pads=draw(BATCH, time) > 0.8 if pads else None,
        starts=draw(BATCH, time) > 1.2 if starts else None,
    )
    base = tuple(
        w.double() + 0.1 * draw(*w.shape) for w in rule.start(torch.Generator().manual_seed(seed))
    )
    return q, k, v, gates, base


def begun(rule: Rule, time: int = 11) -> Any:
    """A state that is not empty: a memory that has read something."""
    q, k, v, gates, base = inputs(rule, time, seed=1)
    return rule.loop(rule.init(BATCH, q), q, k, v, gates, base)[1]


def gap(a: Any, b: Any) -> float:
    """The largest difference between two trees of tensors."""
    pairs = zip(tree_leaves(a), tree_leaves(b), strict=True)
    return max((x.double() - y.double()).abs().max().item() for x, y in pairs)


def has_starts(rule: Rule) -> bool:
    """Gates by the chunk cannot begin a document within one."""
    return not isinstance(rule, TitansMLPByChunk)


@each_rule
@pytest.mark.parametrize("pads", [False, True])
@pytest.mark.parametrize("starts", [False, True])
def test_the_chunk_form_is_the_token_loop(rule, pads, starts):
    q, k, v, gates, base = inputs(rule, starts=starts and has_starts(rule), pads=pads)
    state = begun(rule)
    loop = rule.loop(state, q, k, v, gates, base)
    assert gap(rule.scan(state, q, k, v, gates, base), loop) <= 1e-12
    assert loop[0].abs().max() > 0.1


@each_rule
def test_the_chunk_form_has_the_token_loops_gradients(rule):
    q, k, v, gates, base = inputs(rule)

    def outer(form):
        leaves = [x.clone().requires_grad_() for x in (q, k, v, gates.step, *base)]
        more = {
            name: getattr(gates, name).clone().requires_grad_()
            for name in ("keep", "momentum")
            if getattr(gates, name) is not None
        }
        written = dataclasses.replace(gates, step=leaves[3], **more)
        reads, state = form(begun(rule), *leaves[:3], written, tuple(leaves[4:]))
        memory = sum(leaf.pow(2).sum() for leaf in tree_leaves(state.memory))
        return torch.autograd.grad(reads.pow(2).sum() + memory, [*leaves, *more.values()])

    assert gap(outer(rule.scan), outer(rule.loop)) <= 1e-10


@each_rule
@settings(deadline=None, max_examples=15)
@given(cuts=st.lists(st.integers(0, TIME), max_size=4), pads=st.booleans(), starts=st.booleans())
def test_a_stream_may_be_cut_anywhere(rule, cuts, pads, starts):
    q, k, v, gates, base = inputs(rule, pads=pads, starts=starts and has_starts(rule))
    state = begun(rule)
    whole = rule.scan(state, q, k, v, gates, base)
    places = [0, *sorted(cuts), TIME]
    reads = []
    for start, end in pairwise(places):
        part = (x[..., start:end, :] for x in (q, k, v))
        o, state = rule.scan(state, *part, gates.cut(start, end), base)
        reads.append(o)
    assert gap((torch.cat(reads, -2), state), whole) <= 1e-12


@each_rule
def test_the_chunk_of_an_exact_rule_changes_nothing(rule):
    q, k, v, gates, base = inputs(rule)
    state = rule.init(BATCH, q)
    other = dataclasses.replace(rule, chunk=3)
    differs = gap(
        rule.scan(state, q, k, v, gates, base)[0], other.scan(state, q, k, v, gates, base)[0]
    )
    assert (differs <= 1e-12) == rule.exact


@each_rule
def test_pads_change_nothing(rule):
    """Pads behind the text leave the state as it was; pads in a text are as if not there."""
    q, k, v, gates, base = inputs(rule, 16)
    state = begun(rule, 16)  # at a chunk's end: steps that wait for one are no pads' doing
    pads = torch.ones(BATCH, 16, dtype=torch.bool)
    _, after = rule.scan(state, q, k, v, dataclasses.replace(gates, pads=pads), base)
    assert gap(after.memory, state.memory) <= 1e-13
    if rule.has_momentum:
        assert gap(after.momentum, state.momentum) <= 1e-13
    if rule.exact:
        pads[:, [0, 1, 5, 9, 15]] = False
        some = dataclasses.replace(gates, pads=pads)
        few, kept = rule.scan(state, q, k, v, some, base)
        part = [x[:, :, ~pads[0]] for x in (q, k, v)]
        short = Gates(
            *(None if x is None else x[:, :, ~pads[0]] for x in (gates.step, gates.keep)),
            momentum=None if gates.momentum is None else gates.momentum[:, :, ~pads[0]],
        )
        reads, alone = rule.scan(state, *part, short, base)
        assert gap((few[:, :, ~pads[0]], kept), (reads, alone)) <= 1e-12


@each_rule
def test_a_documents_start_forgets_what_was_before(rule):
    if not has_starts(rule):
        q, k, v, gates, base = inputs(rule, starts=True)
        with pytest.raises(UserError, match="leave out starts"):
            rule.scan(rule.init(BATCH, q), q, k, v, gates, base)
        return
    q, k, v, gates, base = inputs(rule, 24)
    starts = torch.zeros(BATCH, 24, dtype=torch.bool)
    starts[:, 8] = True  # at a chunk's start, so that rules with a chunk see the same grid
    after = rule.scan(
        begun(rule) if rule.exact else rule.init(BATCH, q),
        q, k, v, dataclasses.replace(gates, starts=starts), base,
    )  # fmt: skip
    part = (x[..., 8:, :] for x in (q, k, v))
    alone = rule.scan(rule.init(BATCH, q), *part, gates.cut(8, 24), base)
    assert gap((after[0][..., 8:, :], after[1]), alone) <= 1e-12


@each_rule
def test_a_closed_gate_writes_nothing(rule):
    q, k, v, gates, base = inputs(rule)
    closed = dataclasses.replace(gates, step=torch.zeros_like(gates.step))
    reads, state = rule.scan(rule.init(BATCH, q), q, k, v, closed, base)
    assert gap(state.memory, rule.init(BATCH, q).memory) == 0
    assert gap(reads, rule.read(rule.init(BATCH, q), q, base)) <= 1e-13


@each_rule
def test_sequences_of_a_batch_do_not_mix(rule):
    q, k, v, gates, base = inputs(rule)
    swap = torch.tensor([1, 0])
    turned = tree_map(lambda x: x[swap], rule.scan(rule.init(BATCH, q), q, k, v, gates, base))
    flipped = Gates(
        *(None if x is None else x[swap] for x in (gates.step, gates.keep, gates.momentum))
    )
    again = rule.scan(rule.init(BATCH, q), q[swap], k[swap], v[swap], flipped, base)
    assert gap(again, turned) <= 1e-13


@each_rule
def test_a_state_is_as_large_as_declared(rule):
    state = begun(rule)
    numbers = sum(leaf[0].numel() for leaf in tree_leaves(state))
    assert rule.state_numbers() == numbers


@each_rule
def test_the_inner_gradient_is_autograds(rule):
    """One token from an empty memory moves it by -theta times autograd's gradient."""
    if "hebbian" in type(rule).__name__.lower():
        return
    if isinstance(rule, Deep):
        rule = dataclasses.replace(rule, chunk=1)
    q, k, v, gates, base = inputs(rule, 1)
    _, state = rule.scan(rule.init(BATCH, q), q, k, v, gates, base)
    for b in range(BATCH):
        leaves = [w.clone().requires_grad_() for w in base]
        batch = k[b]
        for i, w in enumerate(leaves):
            batch = (batch if i == 0 else torch.nn.functional.gelu(batch)) @ w
        loss = 0.5 * (batch - v[b]).pow(2).sum(-1)[:, 0]
        grads = torch.autograd.grad(loss.sum(), leaves)
        moved = [-gates.step[b, :, 0, None, None] * g for g in grads]
        written = state.memory if isinstance(state.memory, tuple) else (state.memory,)
        assert gap([w[b] for w in written], moved) <= 1e-13


def test_titans_without_momentum_is_the_gated_delta_rule():
    """With a beta for the step and v / a for the value: Titans takes the error before the decay."""
    rule = RULES["gated-delta"](**SIZES)
    q, k, v, gates, base = inputs(rule)
    base = tuple(torch.zeros_like(w) for w in base)
    gated = rule.scan(rule.init(BATCH, q), q, k, v, gates, base)
    titans = TitansLinear(**SIZES)
    a = gates.keep.exp()
    same = Gates(a * gates.step, gates.keep, momentum=torch.full_like(gates.step, -32.0))
    reads, state = titans.scan(titans.init(BATCH, q), q, k, v / a[..., None], same, base)
    assert gap((reads, state.memory), (gated[0], gated[1].memory)) <= 1e-12
    bare = TitansLinear(**SIZES, momentum=False)
    same = Gates(a * gates.step, gates.keep)
    reads, state = bare.scan(bare.init(BATCH, q), q, k, v / a[..., None], same, base)
    assert gap((reads, state.memory), (gated[0], gated[1].memory)) <= 1e-12


def test_one_deep_layer_at_chunk_one_is_the_linear_rule():
    linear, deep = TitansLinear(**SIZES), TitansMLP(**{**SIZES, "chunk": 1}, depth=1)
    q, k, v, gates, base = inputs(linear)
    a = linear.scan(linear.init(BATCH, q), q, k, v, gates, base)
    b = deep.scan(deep.init(BATCH, q), q, k, v, gates, base)
    assert (
        gap((b[0], b[1].memory[0], b[1].momentum[0]), (a[0], a[1].memory, a[1].momentum)) <= 1e-12
    )


ETAS, SHARES = (0.0, 0.5, 0.9), (0.01, 0.1, 0.5, 1.0)


@each_rule
@pytest.mark.parametrize("eta", ETAS)
@pytest.mark.parametrize("share", SHARES)
def test_a_repeated_key_stays_finite(rule, eta, share):
    """512 times one key and one value, at every share of the largest safe step: the read comes no
    further from the value than it was (with chunks of 64 the unbounded form ends at 1e13)."""
    rule = dataclasses.replace(rule, chunk=64)
    q, _, _, _, base = inputs(rule, 1)
    row = (BATCH, rule.heads, 512)
    k = normalize(q, dim=-1).expand(*row, rule.key)
    v = normalize(torch.ones(rule.value, dtype=torch.float64), dim=-1).expand(*row, rule.value)
    ones = torch.ones(row, dtype=torch.float64)
    momentum = (ones * max(eta, 1e-14)).log() if rule.has_momentum else None
    keep = (ones * 0.999).log() if rule.has_decay else None
    gates = Gates(ones * share * rule.bound(momentum), keep, momentum)
    reads, _ = rule.scan(rule.init(BATCH, q), k, k, v, gates, base)
    assert reads.isfinite().all()
    if type(rule).__name__ != "Hebbian":  # it adds without an error to stop it
        start = (rule.read(rule.init(BATCH, q), k[..., :1, :], base) - v[..., :1, :]).norm(dim=-1)
        assert ((reads - v).norm(dim=-1) <= start + 0.5).all()
