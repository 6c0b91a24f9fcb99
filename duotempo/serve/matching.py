"""Which of a client's messages are new: clients send the whole conversation every time."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from duotempo.archive.conversation_records import Turn


@dataclass(frozen=True)
class Heard:
    """A message of a request; `role` is one of the archive's."""

    role: str
    text: str


def continued(turns: Sequence[Turn], messages: Sequence[Heard]) -> Sequence[Heard] | None:
    """The messages that come after what a session holds; None if they do not continue it.

    They do if the end of the session, as much of it as they reach back to, stands in them. Nothing
    is new if they end at its last question: it is asked again, after a failure or to get another
    answer. An answer that was asked for again does not count, unless it is there.
    """
    for held in (turns, _last_answers(turns)):
        for end in range(len(messages), 0, -1):
            reach = min(end, len(held))
            if not reach or not _is(held[-1], messages[end - 1]):
                continue
            if _same(held[-reach:], messages[end - reach : end]):
                return _not_forgotten(held, messages, end)
    asked = _last_answers(turns)
    while asked and asked[-1].role == "assistant":
        asked = asked[:-1]
    reach = min(len(asked), len(messages))
    if reach and (reach > 1 or len(asked) == 1) and _same(asked[-reach:], messages[-reach:]):
        return _not_forgotten(asked, messages, len(messages))
    return None


def unkept(turns: Sequence[Turn], messages: Sequence[Heard]) -> Sequence[Heard]:
    """The messages after the beginning of them that is kept already, here or there; the last is
    always new. So an old conversation that is taken up again is not kept twice."""
    places = defaultdict(list)
    for place, turn in enumerate(turns):
        said = None if turn.text is None else turn.text.strip()
        places[turn.role, said].append(place)
    known = 0
    while known < len(messages):
        first = messages[known]
        begins = places[first.role, first.text.strip()] + places[first.role, None]
        if not begins:
            break
        known += max(_run(turns[begin:], messages[known:]) for begin in begins)
    return messages[min(known, len(messages) - 1) :]


def _run(turns: Sequence[Turn], messages: Sequence[Heard]) -> int:
    """How many messages are the turns that a log goes on with."""
    pairs = zip(turns, messages, strict=False)
    return sum(1 for _ in takewhile(lambda pair: _is(*pair), pairs))


def _last_answers(turns: Sequence[Turn]) -> list[Turn]:
    """Without the answers that another answer follows."""
    return [
        turn
        for turn, after in zip(turns, [*turns[1:], None], strict=True)
        if not (after and turn.role == after.role == "assistant")
    ]


def _not_forgotten(held: Sequence[Turn], messages: Sequence[Heard], end: int) -> Sequence[Heard]:
    """What comes after `end`, or the last message if a forgotten turn was taken for it."""
    return messages[end:] if end < len(messages) or held[-1].text is not None else messages[-1:]


def _same(turns: Sequence[Turn], messages: Sequence[Heard]) -> bool:
    return all(_is(turn, message) for turn, message in zip(turns, messages, strict=True))


def _is(turn: Turn, message: Heard) -> bool:
    """Whether a turn is a message. A forgotten one may be any: what a client still sends of it must
    not be kept anew."""
    said = turn.text is None or turn.text.strip() == message.text.strip()
    return said and turn.role == message.role
