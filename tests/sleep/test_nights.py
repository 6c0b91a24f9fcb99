"""Laws of nights: the core's loop sleeps as the model does, a guard keeps what evidence backs."""

import pytest
import torch

from duotempo.core import Candidate, Event, HeldOut, Proposal, UserError, live
from duotempo.models.stream_files import fingerprint
from duotempo.sleep.nights import All, Fixed, Full, Night, Rested, Slice, SliceLoss, Window, woke
from tests.sleep.sleepers import SLEEPERS, WINDOW, gap, sleeper, text

each_kind = pytest.mark.parametrize("kind", SLEEPERS)
ONE = text(batch=1)


def lived(model, tokens, guard, *, held_out=0.0, size=WINDOW):
    """The state after a stream whose events are `size` tokens at most, and every verdict."""
    verdicts = []

    def heard(slow, proposal):
        verdicts.append(guard(slow, proposal))
        return verdicts[-1]

    events = [
        Event(part, part.shape[1]) for w in tokens.split(WINDOW, 1) for part in w.split(size, 1)
    ]
    state = model.init(1)
    for _, after, _ in live(
        events,
        None,
        channel=Window(model),
        boundary=Full(WINDOW),
        sleep=Night(model, model.policy.passes, held_out),
        guard=heard,
    ):
        state = after
    return state, verdicts


@each_kind
def test_a_fixed_number_of_passes_is_what_the_model_does_by_itself(kind):
    model = sleeper(kind)
    with torch.no_grad():
        itself = model.read(ONE)
        state, verdicts = lived(model, ONE, All(), size=4)
    assert gap(state, itself) <= 1e-12
    assert [verdict.passes for verdict in verdicts] == [3, 3]


class Chooses:
    """A loss that is least after `best` passes; of no memory it is `none`."""

    def __init__(self, best: int, none: float = 9.0) -> None:
        self.best, self.none, self.seen = best, none, 0

    def __call__(self, value, evidence):
        if value is None or int(value.window.position[0]) < evidence.end:
            self.seen = 1
            return self.none
        self.seen += 1
        return float(abs(self.seen - self.best))


@pytest.mark.parametrize("best", [2, 3])
def test_the_guard_keeps_the_passes_that_its_evidence_prefers(best):
    model = sleeper("hybrid")
    with torch.no_grad():
        state, verdicts = lived(model, ONE, HeldOut(Chooses(best), patience=9), held_out=0.3)
        itself = model.with_passes(best).read(ONE)
    assert [verdict.passes for verdict in verdicts] == [best, best]
    assert gap(state, itself) <= 1e-12


@each_kind
def test_a_refused_sleep_leaves_the_plain_model_bit_for_bit(kind):
    """What reading alone writes stays: refused are the passes after it."""
    model = sleeper(kind)
    before = fingerprint(model)
    with torch.no_grad():
        state, verdicts = lived(model, ONE, HeldOut(Chooses(1, none=-1.0)), held_out=0.3)
        plain = model.with_passes(1).read(ONE)
    assert [verdict.accepted for verdict in verdicts] == [False, False]
    assert gap(state, plain) <= 1e-12
    assert fingerprint(model) == before


@each_kind
def test_where_memory_says_nothing_every_candidate_ties_with_the_reading_and_is_refused(kind):
    """Or else the guard would judge by something that a refusal does not take away."""
    model = sleeper(kind)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.endswith("memory.out.weight"):
                weight.zero_()
        _, verdicts = lived(model, ONE, HeldOut(SliceLoss(model), patience=9), held_out=0.3)
    for verdict in verdicts:
        losses = [trial.loss for trial in verdict.trials]
        assert len(losses) == 3
        assert max(losses) - min(losses) <= 1e-6


def test_what_is_held_out_is_not_slept_on_before_it_is_judged():
    """The candidates' trials do not hang on the slice, what they would become does."""
    model = sleeper("hybrid")
    other = ONE.clone()
    other[:, WINDOW - 3 : WINDOW] = (other[:, WINDOW - 3 : WINDOW] + 1) % 19
    with torch.no_grad():
        nights = [Night(model, 3, 1 / 3)(None, model.read(t[:, :WINDOW])) for t in (ONE, other)]
        (a, b) = (list(night.candidates) for night in nights)
    assert [c.passes for c in a] == [2, 3]
    assert gap(*(night.evidence.read for night in nights)) <= 1e-12
    for one, two in zip(a, b, strict=True):
        assert gap(one.value.tried, two.value.tried) <= 1e-12
        assert gap(one.value.window, two.value.window) > 1e-9
    assert torch.equal(nights[0].evidence.tokens, ONE[:, WINDOW - 3 : WINDOW])
    assert nights[0].evidence.end == WINDOW


def test_the_loss_of_a_slice_is_that_of_reading_it_after_waking():
    model = sleeper("gated delta")
    evidence = text(6, batch=1, seed=4)
    with torch.no_grad():
        rested = model.slept(model.read(ONE[:, :WINDOW]), 2)
        logits, _ = model(evidence, rested)
        wanted = torch.nn.functional.cross_entropy(logits[0, :-1], evidence[0, 1:])
        none = model(evidence)[0]
        nothing = torch.nn.functional.cross_entropy(none[0, :-1], evidence[0, 1:])
    loss, read = SliceLoss(model), model.init(1)
    for value, end, nats in (
        (Rested(model.init(1), rested), 0, wanted),  # a candidate of the night that ends here
        (Rested(rested), WINDOW + 6, nothing),  # the memory of an earlier night: the reading's turn
        (None, WINDOW, nothing),
    ):
        assert loss(value, Slice(evidence, end, read)) == pytest.approx(float(nats), rel=1e-6)


def test_a_slice_with_nothing_to_foretell_is_refused():
    for share in (0.01, 0.15, 1.0):
        with pytest.raises(UserError, match="a fixed number of passes"):
            Night(sleeper("hybrid"), 3, share)


def test_a_rest_sleeps_on_a_window_that_is_not_full_and_on_nothing_does_nothing():
    model = sleeper("hybrid")
    full = Full(WINDOW)
    with torch.no_grad():
        window = model.read(ONE[:, :4])
    assert full(window, Event(None))
    assert not full(window, Event(ONE[:, 3:4], 1))
    assert not full(model.init(1), Event(None))
    assert gap(woke(model, window).window, model.init(1)) <= 1e-12


@each_kind
def test_a_fixed_night_is_the_last_candidate_of_one_that_may_be_chosen_from(kind):
    model = sleeper(kind)
    with torch.no_grad():
        window = model.read(ONE[:, :WINDOW])
    (one,), many = (
        Fixed(model)(None, window).candidates,
        list(Night(model, 3)(None, window).candidates),
    )
    assert one.passes == many[-1].passes == 3
    assert gap(one.value.window, many[-1].value.window) <= 1e-12


def test_the_guard_of_a_fixed_number_takes_the_last_candidate():
    proposal = Proposal((Candidate(n, f"{n}") for n in (1, 2, 5)), None)
    assert All()(None, proposal).apply(None) == "5"
