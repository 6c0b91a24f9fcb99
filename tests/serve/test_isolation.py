"""Many people at once, over either database: nobody's words are lost or come to somebody else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from duotempo.archive.memories import Memories
from tests.serve.served import SERVING, Planted, served

PEOPLE = {"token-a": "ana", "token-b": "ben"}
THREADS, REQUESTS = 8, 6


def test_two_people_in_many_threads_with_sleep_between(where):
    """Each thread has conversations of its own with somebody; sessions end and are slept on."""
    model = Planted()
    serving = replace(SERVING, idle=0.1, limits=replace(SERVING.limits, waiting=THREADS))
    with served(where, model, serving, PEOPLE) as running:

        def talk(thread: int) -> list[str]:
            token = list(PEOPLE)[thread % 2]
            said, name = [], PEOPLE[token]
            for n in range(REQUESTS):
                said.append(f"{name} says {thread} and {n}")
                answer = running.say(*said, token=token, stream=n % 2 == 0)
                assert answer.status_code == 200
                said.append(f"You said: {said[-1]}")
            return said

        with ThreadPoolExecutor(THREADS) as pool:
            threads = list(pool.map(talk, range(THREADS)))
        for name in PEOPLE.values():
            running.slept(name, 30)
        for place, name in enumerate(PEOPLE.values()):
            kept = [text for text in running.said(name) if text]
            mine = [text for said in threads[place::2] for text in said]
            assert sorted(kept) == sorted(mine)
            person = running.talks.of(name)
            assert list(person.faults()) == []
            version = Memories(person).version()
            assert version is not None
            assert version.lines
            assert all(name in line.text for line in version.lines)
    for name, memory, turns in model.asked:
        assert all(name in line.text for line in memory)
        assert all(name in turn.text for turn in turns)
