"""Laws of several processes at one person: a session ends and begins once, no turn is lost."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from duotempo.archive.conversation_records import Version
from duotempo.archive.forget import forget_person, forget_turns
from duotempo.archive.memories import Memories, Overtaken
from duotempo.archive.people import Conversations
from duotempo.core import UserError


@pytest.fixture
def other(where, ana):
    """The same person, from another opening of the database."""
    with Conversations(where) as again:
        yield again.of(ana.name)


def test_of_two_that_end_a_session_one_does_and_neither_fails(ana, other):
    for _ in range(5):
        ana.tell("user", "hello")
        both = Barrier(2)

        def end(person, both=both) -> list[int]:
            both.wait()
            return person.end_open()

        with ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(end, (ana, other)))
        assert sorted(ended) == [[], [ana.sessions()[-1].number]]
    at = [session.ended for session in ana.sessions()]
    for session in ana.sessions():
        other.end(session.number)
    assert [session.ended for session in ana.sessions()] == at
    assert len(at) == 5


def test_ending_where_nobody_spoke_or_all_is_forgotten_does_nothing(talks, ana, other):
    assert ana.end_open() == []
    assert talks.people() == 0
    ana.tell("user", "hello")
    forget_person(other)
    assert ana.end_open() == []
    assert ana.sessions() == []


def test_a_turn_that_comes_when_another_has_ended_its_session_begins_the_next(ana, other):
    first = ana.tell("user", "one")
    assert other.end_open() == [first.session]
    reply = ana.tell("assistant", "two", first.session)
    assert (reply.session, reply.number) == (first.session + 1, 1)
    assert ana.tell("user", "three", first.session).session == reply.session
    assert other.tell("user", "four").session == reply.session
    assert [turn.text for turn in ana.turns()] == ["one", "two", "three", "four"]
    assert list(ana.faults()) == []


def test_who_begin_at_the_same_time_begin_one_session(ana, other):
    with ThreadPoolExecutor(4) as pool:
        turns = list(pool.map(lambda person: person.tell("user", "hello"), (ana, other) * 4))
    assert {turn.session for turn in turns} == {1}
    assert sorted(turn.number for turn in turns) == list(range(1, 9))


def test_a_refused_turn_begins_no_session(ana):
    with pytest.raises(UserError, match="a turn is said by"):
        ana.tell("user", "")
    assert ana.sessions() == []


@pytest.mark.parametrize("everything", [False, True])
def test_a_reply_to_what_was_forgotten_meanwhile_is_not_kept(ana, other, everything):
    turn, seen = ana.tell("user", "i live in timbuktu"), ana.forgotten()
    forget_person(other) if everything else forget_turns(other, [turn.id])
    with pytest.raises(UserError, match="forgotten while"):
        ana.tell("assistant", "so, timbuktu", turn.session, seen)
    assert all(turn.text is None for turn in ana.turns())


def test_a_memory_that_another_has_overtaken_is_not_kept(ana, other):
    ana.end(ana.tell("user", "hello").session)
    made = Version(0, None, 0.0, 1, kept=True, reason="because")
    begun = Memories(ana, last=0)
    assert Memories(other, last=0).propose(made).number == 1
    with pytest.raises(Overtaken):
        begun.propose(made)
    assert len(Memories(ana).versions()) == 1
    assert Memories(ana, last=1).propose(made).number == 2
