"""The loop: awake only the fast channel moves, asleep only a guard lets the slow one move."""

from collections.abc import Iterable, Iterator
from typing import Any

from duotempo.core.protocols import Boundary, Channel, Consolidator, Guard
from duotempo.core.records import Event


def live(
    stream: Iterable[Event],
    slow: Any,
    *,
    channel: Channel,
    boundary: Boundary,
    sleep: Consolidator,
    guard: Guard,
    state: Any = None,
) -> Iterator[tuple[Event, Any, Any]]:
    """Live through `stream`; yields (event, state, slow) after each event.

    `state` resumes an earlier life; without it the channel starts anew.
    """
    state = channel.init(slow) if state is None else state
    for event in stream:
        state = channel.write(state, event)  # awake: only the fast channel moves
        if boundary(state, event):
            proposal = sleep(slow, state)  # asleep: propose, touch nothing
            verdict = guard(slow, proposal)
            slow = verdict.apply(slow)  # refused: slow comes back bit-identical
            state = channel.after(state, verdict)
        yield event, state, slow
