"""Laws of the guard: nothing worse is accepted, a refusal changes nothing, patience ends it."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duotempo.core import Candidate, Event, HeldOut, Proposal, Trial, UserError, Verdict
from duotempo.core.guard import MODES

losses = st.floats(0, 10) | st.sampled_from([1.0, 2.0, math.nan, math.inf])
modes = st.sampled_from(MODES)
patiences = st.integers(1, 4)


class Slow:
    """A slower channel with a held-out loss of its own, known by its identity."""

    def __init__(self, loss: float) -> None:
        self.loss = loss


NONE_AT_ALL = 1.5  # the loss without any memory


def measured(value: Slow | None, evidence: object) -> float:
    assert evidence == "held out"
    return NONE_AT_ALL if value is None else value.loss


class Sleep:
    """Offers candidates one by one and counts those that were asked for."""

    def __init__(self, offered: list[float]) -> None:
        self.offered, self.made = offered, 0

    def proposal(self) -> Proposal:
        return Proposal(self.candidates(), "held out")

    def candidates(self) -> Iterator[Candidate]:
        for passes, loss in enumerate(self.offered, start=1):
            self.made += 1
            yield Candidate(passes, Slow(loss))


def judged(
    mode: str, before: float, offered: list[float], patience: int = 2
) -> tuple[Slow, Verdict, Sleep]:
    slow, sleep = Slow(before), Sleep(offered)
    return slow, HeldOut(measured, mode, patience)(slow, sleep.proposal()), sleep


@given(modes, losses, st.lists(losses), patiences)
def test_a_worse_proposal_is_never_accepted(
    mode: str, before: float, offered: list[float], patience: int
) -> None:
    slow, verdict, _ = judged(mode, before, offered, patience)
    after = verdict.apply(slow)
    if mode == "generate":
        assert after is slow or after.loss < before
    else:
        assert after is slow or after.loss <= NONE_AT_ALL


@given(modes, losses, st.lists(losses), patiences)
def test_refusing_gives_back_the_very_same_slow_channel(
    mode: str, before: float, offered: list[float], patience: int
) -> None:
    slow, verdict, _ = judged(mode, before, offered, patience)
    assert (verdict.apply(slow) is slow) == (verdict.chosen is None) == (not verdict.accepted)
    assert (verdict.passes == 0) == (not verdict.accepted)
    assert slow.loss is before


@given(losses, st.lists(losses), patiences)
def test_generate_keeps_the_lowest_loss_that_it_tried(
    before: float, offered: list[float], patience: int
) -> None:
    _, verdict, sleep = judged("generate", before, offered, patience)
    tried = [loss for loss in offered[: sleep.made] if loss < before]
    assert verdict.accepted == bool(tried)
    if tried:
        assert verdict.chosen.value.loss == min(tried)
        assert verdict.passes == 1 + offered.index(min(tried))


@given(losses, st.lists(losses), patiences)
def test_remember_keeps_the_most_passes_not_above_no_memory_that_it_tried(
    before: float, offered: list[float], patience: int
) -> None:
    _, verdict, sleep = judged("remember", before, offered, patience)
    good = [n for n, loss in enumerate(offered[: sleep.made], start=1) if loss <= NONE_AT_ALL]
    assert verdict.passes == max(good, default=0)


@given(modes, losses, st.lists(losses), patiences)
def test_the_guard_stops_after_its_patience_and_asks_for_no_more(
    mode: str, before: float, offered: list[float], patience: int
) -> None:
    _, verdict, sleep = judged(mode, before, offered, patience)
    best, gains = before, []
    for loss in offered:
        gains.append(loss < best if mode == "generate" else loss <= NONE_AT_ALL)
        best = loss if loss < best else best
    ends = [n for n in range(patience, len(gains) + 1) if not any(gains[n - patience : n])]
    assert sleep.made == min(ends, default=len(offered))
    assert len(verdict.trials) == sleep.made + 1


@given(modes, losses, st.lists(losses), patiences)
def test_every_trial_is_heard_and_kept_in_order(
    mode: str, before: float, offered: list[float], patience: int
) -> None:
    heard: list[Trial] = []
    guard = HeldOut(measured, mode, patience, heard.append)
    verdict = guard(Slow(before), Sleep(offered).proposal())
    bar = before if mode == "generate" else NONE_AT_ALL
    assert verdict.trials == tuple(heard)
    assert [t.passes for t in heard] == list(range(len(heard)))
    assert [t.loss for t in heard] == [bar, *offered[: len(heard) - 1]]


@given(modes, losses, st.lists(losses), patiences)
def test_the_reason_is_one_sentence_with_its_number(
    mode: str, before: float, offered: list[float], patience: int
) -> None:
    _, verdict, _ = judged(mode, before, offered, patience)
    assert "\n" not in verdict.reason
    if verdict.accepted:
        kept = f"kept N={verdict.passes}: "
        assert verdict.reason.startswith(kept)
        assert f"{verdict.chosen.value.loss:.3f} against " in verdict.reason
    else:
        assert verdict.reason.startswith("refused: " if offered else "nothing to judge: ")


def test_a_tie_moves_nothing_in_generate_and_is_kept_in_remember() -> None:
    assert not judged("generate", NONE_AT_ALL, [NONE_AT_ALL])[1].accepted
    assert judged("remember", 0.0, [NONE_AT_ALL])[1].passes == 1


def test_an_unknown_mode_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="'recite' is unknown: use one of generate, remember"):
        HeldOut(measured, "recite")


@given(st.none() | st.builds(Candidate, st.integers(1, 9), st.none() | st.integers()))
def test_a_verdict_gives_the_kept_value_or_the_old_one(chosen: Candidate | None) -> None:
    old, verdict = object(), Verdict(chosen, "so")
    assert verdict.apply(old) is (old if chosen is None else chosen.value)


@pytest.mark.parametrize(
    "record", [Event("x"), Candidate(1, "x"), Proposal([], "x"), Trial(1, 0.5), Verdict(None, "x")]
)
def test_records_cannot_be_changed(record: object) -> None:
    for name in record.__dataclass_fields__:
        with pytest.raises(AttributeError):
            setattr(record, name, None)


def test_only_an_event_without_content_is_a_rest() -> None:
    assert [Event(content).rest for content in (None, "", 0, [])] == [True, False, False, False]
