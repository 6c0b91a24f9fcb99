"""Rounds over all people: who fell silent, who waits for a sleep."""

import time

from duotempo.archive.conversation_records import Version
from duotempo.archive.memories import Memories
from duotempo.archive.rounds import Waiting, silent, waiting


def test_who_fell_silent(talks):
    ana, ben = talks.of("ana"), talks.of("ben")
    for person in (ana, ben):
        person.say(person.begin(), "user", "hello")
    between = time.time()
    ben.say(1, "user", "still here")
    mine = [found for found in silent(talks, between) if found[0] in ("ana", "ben")]
    assert mine == [("ana", 1)]
    assert silent(talks, time.time() + 1, "ben") == [("ben", 1)]
    ana.end(1)
    assert silent(talks, time.time() + 1, "ana") == []


def test_who_waits(talks):
    ana, open_ = talks.of("ana"), talks.of("ben")
    open_.begin()
    for _ in range(3):
        ana.end(ana.begin())
    assert waiting(talks, 3) == [Waiting("ana", 3, 3)]
    memories = Memories(ana)
    memories.note(1, [])
    assert waiting(talks, 3) == [Waiting("ana", 3, 2)]
    memories.propose(Version(0, None, 0.0, 2, kept=True, reason=""))
    assert waiting(talks, 3) == [Waiting("ana", 2, 2)]  # slept on 1 and 2, but 2 has no notes
    for _ in range(3):
        memories.failed(2, "unreadable")
    assert waiting(talks, 3) == [Waiting("ana", 1, 1)]
    memories.note(3, [])
    assert waiting(talks, 3) == [Waiting("ana", 1, 0)]


def test_the_last_session_and_its_turns(talks):
    ana = talks.of("ana")
    assert ana.last() == (None, [])
    for text in ("one", "two"):
        ana.say(ana.begin(), "user", text)
    session, turns = ana.last()
    assert session == ana.sessions()[-1]
    assert turns == ana.turns(2)
