"""Laws of the loop: what moves when, in which order, and that a life may be cut anywhere."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from duotempo.core import (
    Boundary,
    Candidate,
    Channel,
    Consolidator,
    Event,
    Guard,
    HeldOut,
    Proposal,
    Verdict,
    live,
)

Words = tuple[int, ...]
Tables = tuple[Words, ...]
LONGEST = 3
Step = tuple[Event, Words, Tables]


def _zeros(tables: Tables) -> int:
    return sum(0 in row for row in tables)


@dataclass
class Life:
    """All four parts of a toy: words are gathered awake, and sorted into a table asleep.

    The guard judges by zeros in the tables, so it refuses a row with one. Every call is noted.
    """

    calls: list[tuple[str, Any]] = field(default_factory=list)

    def init(self, slow: Tables) -> Words:
        self.calls.append(("init", slow))
        return ()

    def write(self, state: Words, event: Event) -> Words:
        self.calls.append(("write", event))
        return state if event.rest else (*state, event.content)

    def after(self, state: Words, verdict: Verdict) -> Words:
        self.calls.append(("after", verdict))
        return ()

    def boundary(self, state: Words, event: Event) -> bool:
        self.calls.append(("boundary", event))
        return event.rest or len(state) >= LONGEST

    def sleep(self, slow: Tables, state: Words) -> Proposal:
        self.calls.append(("sleep", (slow, state)))
        return Proposal([Candidate(1, (*slow, tuple(sorted(state))))], state)

    def guard(self, slow: Tables, proposal: Proposal) -> Verdict:
        self.calls.append(("guard", (slow, proposal)))
        return HeldOut(lambda tables, evidence: _zeros(tables) - len(tables) / 100)(slow, proposal)

    def run(self, stream: list[Event], slow: Tables = (), state: Words | None = None) -> list[Step]:
        return list(self.steps(stream, slow, state))

    def steps(self, stream: Any, slow: Tables, state: Words | None) -> Iterator[Step]:
        return live(
            stream,
            slow,
            channel=self,
            boundary=self.boundary,
            sleep=self.sleep,
            guard=self.guard,
            state=state,
        )


events = st.builds(Event, st.none() | st.integers(0, 4))
streams = st.lists(events, max_size=25)


@given(streams)
def test_every_event_comes_out_once_and_in_order(stream: list[Event]) -> None:
    assert [event for event, _, _ in Life().run(stream)] == stream


@given(streams)
def test_awake_comes_before_asleep_and_a_proposal_before_its_verdict(stream: list[Event]) -> None:
    life = Life()
    life.run(stream)
    names = [name for name, _ in life.calls]
    wanted, gathered = ["init"], 0
    for event in stream:
        wanted += ["write", "boundary"]
        gathered += not event.rest
        if event.rest or gathered >= LONGEST:
            wanted += ["sleep", "guard", "after"]
            gathered = 0
    assert names == wanted


@given(streams)
def test_the_slow_channel_moves_only_at_a_boundary_and_through_a_verdict(
    stream: list[Event],
) -> None:
    slow, state = (), ()
    for event in stream:
        life = Life()
        [(_, state, after)] = life.run([event], slow, state)
        verdicts = [given for name, given in life.calls if name == "after"]
        if verdicts:
            assert after is verdicts[0].apply(slow)
        else:
            assert after is slow
        slow = after


@given(streams)
def test_a_refused_sleep_leaves_the_very_same_slow_channel(stream: list[Event]) -> None:
    life, slow = Life(), ()
    for _, _, after in life.run(stream):
        held = [row for row in after if 0 in row]
        assert held == []
        assert after is slow or len(after) == len(slow) + 1
        slow = after


@given(streams)
def test_each_sleep_sees_what_was_written_since_the_last(stream: list[Event]) -> None:
    life = Life()
    run = life.run(stream)
    slept = [word for name, seen in life.calls if name == "sleep" for word in seen[1]]
    left = run[-1][1] if run else ()
    assert [*slept, *left] == [event.content for event in stream if not event.rest]


@given(streams, st.data())
def test_a_life_may_be_cut_anywhere(stream: list[Event], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    whole, first = Life().run(stream), Life().run(stream[:cut])
    _, state, slow = first[-1] if first else (None, None, ())
    life = Life()
    assert first + life.run(stream[cut:], slow, state) == whole
    assert any(name == "init" for name, _ in life.calls) == (state is None)


@given(streams, st.lists(events, max_size=5), st.lists(events, max_size=5))
def test_a_life_may_be_forked_and_neither_half_hears_the_other(
    stream: list[Event], one: list[Event], other: list[Event]
) -> None:
    start = Life().run([*stream, Event(1)])
    _, state, slow = start[-1]
    alone = Life().run(one, slow, state)
    Life().run(other, slow, state)
    assert Life().run(one, slow, state) == alone


def test_an_endless_stream_is_lived_one_event_at_a_time() -> None:
    taken = []

    def endless() -> Iterator[Event]:
        number = 0
        while True:
            taken.append(number)
            yield Event(1)
            number += 1

    steps = Life().steps(endless(), (), None)
    for _ in range(7):
        _, state, slow = next(steps)
    assert (state, slow) == ((1,), ((1, 1, 1), (1, 1, 1)))
    assert taken == list(range(7))


def test_plain_objects_and_functions_are_the_four_parts() -> None:
    life = Life()
    assert isinstance(life, Channel)
    assert not isinstance(HeldOut(lambda value, evidence: 0.0), Channel)
    assert isinstance(life.boundary, Boundary)
    assert isinstance(life.sleep, Consolidator)
    assert isinstance(HeldOut(lambda value, evidence: 0.0), Guard)
    assert not isinstance(life, Guard)


def test_core_needs_the_standard_library_only() -> None:
    script = (
        "import sys; before = set(sys.modules); import duotempo.core; "
        "new = {name.partition('.')[0] for name in set(sys.modules) - before}; "
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "['duotempo']"
