"""Laws of sleep in a native model: what crosses the boundary, what a pass is, what stays."""

from dataclasses import replace
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F
from torch.utils._pytree import tree_map

from duotempo.core import UserError
from duotempo.models.decoder import Decoder, State
from duotempo.models.piece import Piece
from duotempo.models.stream_files import fingerprint
from duotempo.sleep.recurrent import SleeperConfig, joined
from tests.sleep.sleepers import HARD, HYBRID, SLEEPERS, WINDOW, gap, sleeper, text

each_kind = pytest.mark.parametrize("kind", SLEEPERS)
TIME = text().shape[1]


def plain(model) -> Decoder:
    """The same weights in a decoder that does not sleep."""
    decoder = Decoder(model.config).double().eval()
    decoder.load_state_dict(model.state_dict())
    return decoder


@pytest.mark.parametrize("kind", ["hybrid, sliding", "the middle, sliding", "recalling"])
def test_one_pass_with_sliding_eviction_is_the_plain_model_bit_for_bit(kind):
    model = sleeper(kind, passes=1)
    with torch.no_grad():
        logits, after = model(text())
        parts, state = [], None
        for piece in text().split(WINDOW, 1):
            part, state = plain(model)(piece, state)
            parts.append(part)
    assert gap(logits, torch.cat(parts, 1)) <= 1e-13, "the head takes all windows at once"
    assert gap(State(after.position, after.blocks), state) <= 1e-12


@pytest.mark.parametrize("kind", ["hybrid", "hybrid, the middle", "lmm", "deep", "mac"])
def test_one_pass_with_hard_eviction_is_the_plain_model_window_by_window(kind):
    model = sleeper(kind, passes=1)
    decoder = plain(model)
    with torch.no_grad():
        logits, after = model(text())
        parts, state, last = [], decoder.init(2), None
        for piece in text().split(WINDOW, 1):
            part, last = decoder(piece, state)
            parts.append(part)
            state = State(last.position, joined(decoder.init(2).blocks, last.blocks))
    assert gap(logits, torch.cat(parts, 1)) <= 1e-13, "the head takes all windows at once"
    assert gap(State(after.position, after.blocks), last) <= 1e-12


@pytest.mark.parametrize("carry", ["hidden", "inject", "input"])
def test_looped_is_unrolled_by_hand(carry):
    """Two blocks of four, three passes: written out with nothing but the blocks."""
    model = sleeper("hybrid, the middle", carry=carry)
    first, last = text()[:, :WINDOW], text()[:, WINDOW : WINDOW + 5]
    with torch.no_grad():
        b0, b1, b2, b3 = model.blocks
        new = [block.init(2, model.embedding.weight) for block in model.blocks]
        e = model.embedding(first)
        piece = Piece(torch.zeros(2, dtype=torch.int64), e)
        entered, _ = b0(e, piece, new[0])
        h, fast = entered, new[1]
        for n in range(3):
            if n and carry == "inject":
                h = h / (h.pow(2).mean(-1, keepdim=True) + torch.finfo(h.dtype).eps).sqrt()
                h = h + entered
            h = entered if carry == "input" else h
            begin = replace(new[1], parts=(replace(new[1].parts[0], rule=fast.parts[0].rule),))
            h, fast = b1(h, piece, begin)
            h, _ = b2(h, piece, new[2])
        _, top = b3(h, piece, new[3])
        e = model.embedding(last)
        piece = Piece(torch.full((2,), WINDOW), e)
        x, _ = b0(e, piece, new[0])
        kept = replace(new[1], parts=(replace(new[1].parts[0], rule=fast.parts[0].rule),))
        x, _ = b1(x, piece, kept)
        x, _ = b2(x, piece, new[2])
        kept = replace(new[3], parts=(replace(new[3].parts[0], rule=top.parts[0].rule),))
        x, _ = b3(x, piece, kept)
        by_hand = model.head(model.norm(x))
        logits, _ = model(torch.cat((first, last), 1))
    assert gap(logits[:, WINDOW:], by_hand) <= 1e-12


@pytest.mark.parametrize("kind", [k for k, (_, p) in SLEEPERS.items() if p.eviction == "hard"])
def test_nothing_but_fast_weights_reaches_a_later_window(kind):
    """Two streams with other first windows, then the fast weights of the one given to the other."""
    model, other = sleeper(kind), text(seed=5)
    with torch.no_grad():
        mine, theirs = (model.slept(model.read(t[:, :WINDOW])) for t in (text(), other))
        moved = joined(theirs.blocks, mine.blocks)
        given = model.opened(State(theirs.position, moved))
        later = text(seed=9)[:, : WINDOW + 3]
        a, b, c = (model(later, state)[0] for state in (mine, theirs, given))
    assert gap(a, b) > 1e-6
    assert gap(a, c) <= 1e-12


def test_without_fast_weights_a_window_is_gone():
    """Attention alone, with eviction: what was in the window cannot reach the next one."""
    torch.manual_seed(0)
    model = sleeper("hybrid")
    with torch.no_grad():
        model.blocks[1].memory.out.weight.zero_()
        a, b = (model(torch.cat((t[:, :WINDOW], text()), 1))[0] for t in (text(), text(seed=5)))
    assert gap(a[:, WINDOW:], b[:, WINDOW:]) <= 1e-12


@each_kind
def test_slow_weights_never_change_in_sleep(kind):
    model = sleeper(kind).train()
    before = fingerprint(model)
    window = model.read(text())
    for passes in (1, 2, 5):
        model.slept(window, passes)
    assert fingerprint(model) == before


@each_kind
def test_more_passes_leave_other_fast_weights_and_one_reading_is_shared(kind):
    model = sleeper(kind)
    with torch.no_grad():
        window = model.read(text()[:, :WINDOW])
        kept = tree_map(lambda t: t.clone() if isinstance(t, torch.Tensor) else t, window)
        once, twice = model.slept(window, 1), model.slept(window, 2)
    assert gap(once, twice) > 1e-9
    assert gap(window, kept) <= 1e-12, "a sleep leaves the window it began from as it was"


@each_kind
@settings(deadline=None, max_examples=4)
@given(cuts=st.lists(st.integers(0, TIME), min_size=1, max_size=3), early=st.booleans())
def test_a_stream_may_be_cut_anywhere(kind, cuts, early):
    """Also when a full window sleeps at once, rather than when the next token comes."""
    model = sleeper(kind)
    with torch.no_grad():
        whole, after = model(text())
        state, parts = None, []
        for start, end in pairwise([0, *sorted(cuts), TIME]):
            logits, state = model(text()[:, start:end], state)
            parts.append(logits)
            if early and state.time == WINDOW:
                state = model.slept(state)
    assert gap(torch.cat(parts, 1), whole) <= 1e-12
    assert gap(state, after) <= 1e-12


@each_kind
def test_a_sleep_may_be_cut_between_passes(kind):
    model = sleeper(kind)
    with torch.no_grad():
        window = model.read(text()[:, :WINDOW])
        at_once = model.slept(window, 4)
        halfway = model.pass_over(model.pass_over(window))
        assert halfway.passes == 3
        assert gap(model.slept(halfway, 4), at_once) <= 1e-12


@pytest.mark.parametrize("kind", ["hybrid", "inject", "the middle, sliding", "deep"])
def test_gradients_through_passes_and_windows_are_those_of_finite_differences(kind):
    model = sleeper(kind)
    tokens, targets = text(3 * WINDOW, batch=1), text(3 * WINDOW, batch=1, seed=3)

    def loss() -> torch.Tensor:
        logits, _ = model(tokens)
        return F.cross_entropy(logits[0, 2 * WINDOW :], targets[0, 2 * WINDOW :])

    loss().backward()
    generator, step = torch.Generator().manual_seed(1), 1e-6
    weights = dict(model.named_parameters())
    ends = ("key.maps.0.weight", "embedding.weight", "gate.out.bias", "qkv.weight")
    names = [n for n in weights if n.endswith(ends)]
    for name in names[-4:]:
        weight = weights[name]
        way = torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        assert weight.grad is not None
        slope = float((weight.grad * way).sum())
        with torch.no_grad():
            weight.add_(step * way)
            high = float(loss())
            weight.sub_(2 * step * way)
            low = float(loss())
            weight.add_(step * way)
        assert (high - low) / (2 * step) == pytest.approx(slope, rel=1e-4, abs=1e-9), name


def gradients(kind: str, **changes) -> list[torch.Tensor | None]:
    """Of a loss on the last window only."""
    model = sleeper(kind, **changes).train()
    model(text(3 * WINDOW))[0][:, 2 * WINDOW :].pow(2).sum().backward()
    return [p.grad for p in model.parameters()]


@pytest.mark.parametrize("kind", ["hybrid", "inject", "deep", "mac"])
def test_checkpointing_changes_memory_and_not_gradients(kind):
    for a, b in zip(gradients(kind), gradients(kind, checkpoint=True), strict=True):
        assert (a is None) == (b is None)
        assert a is None or b is None or gap(a, b) <= 1e-12


def test_truncated_gradients_are_those_of_the_last_passes_of_each_window():
    whole, all_of_them = gradients("hybrid"), gradients("hybrid", truncate=3)
    last = gradients("hybrid", truncate=1)
    pairs = zip(whole, all_of_them, strict=True)
    assert max(gap(a, b) for a, b in pairs if a is not None) <= 1e-12
    model, state = sleeper("hybrid").train(), None
    first, second, third = text(3 * WINDOW).split(WINDOW, 1)
    for tokens in (first, second):  # by hand: two passes without a gradient, one with
        with torch.no_grad():
            window = model.pass_over(model.read(tokens, state))
        state = model.woken(model.pass_over(window))
    model(third, state)[0].pow(2).sum().backward()
    for a, p in zip(last, model.parameters(), strict=True):
        assert (a is None) == (p.grad is None)
        assert a is None or gap(a, p.grad) <= 1e-12
    assert max(gap(a, b) for a, b in zip(whole, last, strict=True) if a is not None) > 1e-9


def test_looking_both_ways_shows_a_pass_the_whole_window_and_the_reading_nothing_more():
    model, changed = sleeper("both ways"), text()
    changed[:, WINDOW - 1] = (changed[:, WINDOW - 1] + 1) % 19
    with torch.no_grad():
        a, b = (model.read(tokens[:, :WINDOW]) for tokens in (text(), changed))
        assert gap(a.left[:, : WINDOW - 1], b.left[:, : WINDOW - 1]) <= 1e-12
        a, b = model.pass_over(a), model.pass_over(b)
        assert gap(a.left[:, :1], b.left[:, :1]) > 1e-6
        one, other = (sleeper("hybrid").pass_over(w) for w in (a, b))
        assert gap(one.left[:, :1], other.left[:, :1]) > 1e-6, "through what the pass before left"


def test_passes_are_drawn_in_training_only_and_by_its_seed():
    model = sleeper("hybrid", sampled=True, passes=4)
    with torch.no_grad():
        fixed = [model(text())[0] for _ in range(2)]
        assert gap(*fixed) <= 1e-12
        model.train()
        drawn = {}
        for seed in range(9):
            torch.manual_seed(seed)
            drawn[seed] = model(text())[0]
            torch.manual_seed(seed)
            assert gap(model(text())[0], drawn[seed]) <= 1e-12
        wanted = [sleeper("hybrid", passes=n)(text())[0] for n in (1, 2, 3, 4)]
    found = {min(range(4), key=lambda n: gap(wanted[n], logits)) for logits in drawn.values()}
    assert found == {0, 1, 2, 3}


def test_a_model_that_cannot_sleep_says_why():
    with pytest.raises(UserError, match="hold no fast weights"):
        SleeperConfig(replace(HYBRID, layout=("attention",)), HARD)
    with pytest.raises(UserError, match="evicts nothing"):
        SleeperConfig(replace(HYBRID, window=None), replace(HARD, eviction="sliding"))
    with pytest.raises(UserError, match="cannot look ahead"):
        SleeperConfig(replace(HYBRID, layout=("mac",)), replace(HARD, both_ways=True))
    with pytest.raises(UserError, match="cuts a segment"):
        SleeperConfig(replace(HYBRID, layout=("mac",)), replace(HARD, window=10))
    with pytest.raises(UserError, match="no pads"):
        sleeper("hybrid")(text(), None, text() > 3)
    with pytest.raises(UserError, match="had 2 passes already"), torch.no_grad():
        sleeper("hybrid").slept(sleeper("hybrid").pass_over(sleeper("hybrid").read(text())), 1)
    with pytest.raises(AssertionError, match="no room"), torch.no_grad():
        sleeper("hybrid").awake(text(), sleeper("hybrid").init(2))
    with pytest.raises(UserError, match="passes=0"):
        sleeper("hybrid").slept(sleeper("hybrid").read(text()), 0)
