"""What of a request is new: laws of conversations that are sent again and again, cut and edited."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duotempo.archive.conversation_records import Turn
from duotempo.serve.matching import Heard, continued, unkept


def turns(*texts: str | None, session: int = 1) -> list[Turn]:
    """A session, the user first; a text that begins with a dash is the assistant's."""
    roles = [_role(n, text) for n, text in enumerate(texts)]
    return [
        Turn(n, session, n, role, text, 0.0)
        for n, (role, text) in enumerate(zip(roles, texts, strict=True), 1)
    ]


def heard(*texts: str) -> list[Heard]:
    """Messages, the user first."""
    return [Heard(_role(n, text), text) for n, text in enumerate(texts)]


def _role(n: int, text: str | None) -> str:
    if text is not None and text[:1] in "-+":
        return "assistant" if text[0] == "-" else "user"
    return ("user", "assistant")[n % 2]


CASES = {
    "the next turn": (("a", "-b"), ("a", "-b", "+c"), ("+c",)),
    "several": (("a", "-b"), ("a", "-b", "+c", "-d", "+e"), ("+c", "-d", "+e")),
    "again after a failure": (("a",), ("a",), ()),
    "again for another answer": (("a", "-b"), ("a",), ()),
    "again, later on": (("a", "-b", "+c", "-d"), ("a", "-b", "+c"), ()),
    "on from the second answer": (("a", "-b", "-c"), ("a", "-c", "+d"), ("+d",)),
    "on from the first answer": (("a", "-b", "-c"), ("a", "-b", "+d"), None),
    "the beginning was cut off": (("a", "-b", "+c", "-d"), ("-d", "+e"), ("+e",)),
    "the session began later": (("+c", "-d"), ("a", "-b", "+c", "-d", "+e"), ("+e",)),
    "spaces at the ends": (("a ", "-b"), (" a", "-b ", "+c"), ("+c",)),
    "another conversation": (("a", "-b"), ("x",), None),
    "an edited question": (("a", "-b", "+c", "-d"), ("a", "-b", "+x"), None),
    "the same word again": (("a", "-b", "+a", "-d"), ("a",), None),
    "a forgotten turn is not kept anew": ((None, "-b"), ("a", "-b", "+c"), ("+c",)),
    "a forgotten turn is no new question": (("a", "-b", None), ("a", "-b", "+c"), ("+c",)),
}


@pytest.mark.parametrize("name", CASES)
def test_what_continues_a_session(name):
    held, messages, new = CASES[name]
    found = continued(turns(*held), heard(*messages))
    assert (None if found is None else list(found)) == (None if new is None else heard_as(new))


def heard_as(texts) -> list[Heard]:
    """Messages by their signs."""
    return [Heard("assistant" if text[0] == "-" else "user", text) for text in texts]


texts = st.lists(st.sampled_from("abc"), min_size=1, max_size=6).map(
    lambda found: [("-" if n % 2 else "+") + text for n, text in enumerate(found)]
)


@given(texts, texts)
def test_a_client_that_sends_everything_is_kept_once(first, then):
    """However often words recur: what was kept, then one new question, gives that question."""
    if len(first) % 2:
        first = [*first, "-z"]
    messages = heard_as([*first, then[0]])
    assert continued(turns(*first), messages) == messages[-1:]


@given(texts, st.integers(0, 6))
def test_a_client_may_cut_the_beginning_off(all_, cut):
    if len(all_) % 2:
        all_ = [*all_, "-z"]
    sent = [*all_[min(cut, len(all_) - 1) :], "+new"]
    assert continued(turns(*all_), heard_as(sent)) == heard_as(["+new"])


def test_an_old_conversation_taken_up_again_is_not_kept_twice():
    log = [*turns("a", "-b", "+c", "-d"), *turns("x", "-y", session=2)]
    assert unkept(log, heard("a", "-b", "+c", "-d", "+e")) == heard_as(["+e"])
    assert unkept(log, heard("a", "-b", "+n")) == heard_as(["+n"])
    assert unkept(log[4:], heard("a", "-b", "+c")) == heard("a", "-b", "+c")


def test_two_conversations_that_take_turns_are_kept_once_each():
    """Each request ends the other's session, so both lie in pieces."""
    log = [*turns("a", "-b"), *turns("x", "-y", session=2), *turns("+c", "-d", session=3)]
    assert unkept(log, heard("a", "-b", "+c", "-d", "+e")) == heard_as(["+e"])


def test_forgotten_turns_are_not_kept_anew():
    log = [*turns("a", "-b", None, None), *turns("x", session=2)]
    assert unkept(log, heard("a", "-b", "+c", "-d", "+e")) == heard_as(["+e"])


def test_the_last_message_is_always_new_to_a_new_session():
    assert unkept(turns("a", "-b"), heard("a")) == heard("a")


@given(st.lists(texts, max_size=3), texts)
def test_what_is_not_in_the_log_is_new(log, messages):
    """Without forgotten turns: what is taken for known was said, the rest is all there."""
    said = [turn for each in log for turn in turns(*each)]
    new = unkept(said, heard_as(messages))
    known = heard_as(messages)[: len(messages) - len(new)]
    assert [*known, *new] == heard_as(messages)
    assert {(m.role, m.text) for m in known} <= {(t.role, t.text) for t in said}
