"""A server that is killed while it answers and sleeps has lost no turn that it acknowledged."""

import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import httpx2

from duotempo.archive.people import Conversations
from tests.serve.process import process
from tests.serve.served import until

THREADS, AT_LEAST = 4, 24


def talk(url: str, name: str, said: list[str], enough: Event) -> None:
    """Talk until the server is gone; `said` holds what it acknowledged."""
    with httpx2.Client(base_url=url, timeout=20) as web:
        for n in range(10_000):
            text = f"{name} says line {n}"
            messages = [{"role": "user", "content": text}]
            body = {"model": "m", "messages": messages, "user": name, "stream": n % 2 == 0}
            try:
                answer = web.post("/v1/chat/completions", json=body)
            except httpx2.TransportError:
                return
            assert answer.status_code == 200
            if body["stream"] and "[DONE]" not in answer.text:
                return
            said += [text, f"You said: {text}"]
            if n * THREADS > AT_LEAST:
                enough.set()


def test_a_killed_server_has_lost_nothing_and_goes_on(where):
    names = [f"user-{n}" for n in range(THREADS)]
    heard: dict[str, list[str]] = {name: [] for name in names}
    enough = Event()
    with ThreadPoolExecutor(THREADS) as pool, process(where, "--idle", "0.2") as (server, url):
        for name in names:
            pool.submit(talk, url, name, heard[name], enough)
        assert enough.wait(60)
        server.kill()
        server.wait(10)
    with Conversations(where) as talks:
        for name in names:
            person = talks.of(name)
            said = [turn.text for turn in person.turns()]
            assert said[: len(heard[name])] == heard[name]
            assert len(said) - len(heard[name]) in (0, 1, 2)  # kept, and not acknowledged yet
            assert list(person.faults()) == []
    with process(where, "--idle", "0.2") as (server, url):  # and goes on with what was left
        web = httpx2.Client(base_url=url, timeout=20)
        with web:
            until(lambda: "duotempo_pending_sessions 0\n" in web.get("/metrics").text, 60)
            memory = web.get("/v1/memory", params={"user": names[0]}).json()
            assert memory["sentences"]
        server.send_signal(signal.SIGINT)
        assert server.wait(20) in (0, 130)
