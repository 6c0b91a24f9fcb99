"""Laws of two processes that sleep on one person: one memory is made, both have it, none fails."""

from dataclasses import replace

from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations
from duotempo.converse.invented import Invented
from duotempo.tasks.sessions import Life
from tests.converse.talks import invented, told

LIFE = Life(5, 12)


def meanwhile(talk, act):
    """A conversation whose model is held up by `act` once, while it compresses."""

    class Late(Invented):
        def compress(self, name, notes, budget):
            found = super().compress(name, notes, budget)
            if acts:
                acts.pop()()
            return found

    acts = [act]
    return replace(talk, model=Late())


def test_of_two_that_end_a_session_and_sleep_on_it_one_makes_the_memory(tmp_path):
    talk = invented(tmp_path, LIFE)
    told(talk.person, LIFE, 1)
    with Conversations(tmp_path / "talks.db") as again:
        other = replace(talk, person=again.of(talk.person.name))
        late = meanwhile(talk, lambda: (other.end(), other.sleep()))
        late.end()
        assert late.sleep() == Memories(talk.person).version(1)
    assert [version.number for version in Memories(talk.person).versions()] == [1]
    assert talk.pending() == []


def test_who_goes_back_while_a_sleep_goes_on_stays_there_and_the_session_waits(tmp_path):
    talk = invented(tmp_path, LIFE)
    for number in (1, 2):
        told(talk.person, LIFE, number)
        talk.sleep()
    told(talk.person, LIFE, 3)
    back = meanwhile(talk, lambda: Memories(talk.person).roll_back(1))
    version = back.sleep()
    assert version is not None
    assert version.reason == "rolled back to version 1"
    assert talk.pending() == [3]
    assert talk.sleep().until == 3


def test_several_pending_sessions_are_slept_on_one_after_the_other(tmp_path):
    talk = invented(tmp_path, LIFE)
    for number in (1, 2, 3):
        told(talk.person, LIFE, number)
    assert [version.number for version in talk.sleeps() if version] == [1, 2, 3]


def test_a_reply_is_kept_when_another_has_ended_the_session_meanwhile(tmp_path):
    class Slow(Invented):
        def reply(self, name, memory, turns):
            talk.end()
            return super().reply(name, memory, turns)

        replies = None  # each alone

    talk = invented(tmp_path, LIFE, Invented())
    slow = replace(talk, model=Slow())
    slow.say("where do i live ?")
    assert [(turn.session, turn.role) for turn in talk.person.turns()] == [
        (1, "user"),
        (2, "assistant"),
    ]
