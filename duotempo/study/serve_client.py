"""A server under load, in a process of its own, and the people who talk to it."""

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from threading import Event, Lock
from urllib.parse import urlsplit

from duotempo.archive.people import Conversations
from duotempo.core import UserError

RUN = "from duotempo.cli.app import main; main()"
LIMITS = ("--rate", "1000.0", "--burst", "1000", "--idle", "5.0", "--port", "0")
EXCHANGES = 12
"""Of a session: then its person begins another, and the server sleeps on it."""


@dataclass(frozen=True)
class Load:
    """How many people ask how often (requests a second, all together) for how long (seconds)."""

    people: int
    rate: float
    seconds: float


@dataclass
class Caller:
    """A person who talks: the messages of the open session, all that was acknowledged."""

    name: str
    messages: list[dict[str, str]] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    count: int = 0

    def ask(self, address: str) -> float:
        """Say the next thing; returns the milliseconds to the last byte of the answer.

        Raises `OSError` or `HTTPException` for a server that is gone.
        """
        if len(self.messages) >= 2 * EXCHANGES:
            self.messages = []
        self.count += 1
        text = f"On day {self.count} {self.name} saw {self.count * 7} boats in Harbour {self.name}."
        asked = [*self.messages, {"role": "user", "content": text}]
        body = json.dumps({"model": "echo", "messages": asked, "user": self.name})
        link = http.client.HTTPConnection(address, timeout=60)
        try:
            before = time.perf_counter()
            head = {"Content-Type": "application/json"}
            link.request("POST", "/v1/chat/completions", body, head)
            answer = link.getresponse()
            said = answer.read()
            took = 1000 * (time.perf_counter() - before)
        finally:
            link.close()
        if answer.status != 200:
            raise UserError(f"the server answered {answer.status}: {said[:200]!r}")
        reply = json.loads(said)["choices"][0]["message"]["content"]
        self.messages = [*asked, {"role": "assistant", "content": reply}]
        self.acknowledged += [text, reply]
        return took


@contextmanager
def server(where: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`duotempo serve` with an echo for a model: the process, and its address."""
    command = [sys.executable, "-c", RUN, "serve", "--model", "echo", "--store", where, *LIMITS]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stderr is not None
            line = child.stderr.readline()
            if not line.startswith("http://"):
                raise UserError(f"the server did not start: {line}{child.stderr.read()}")
            yield child, urlsplit(line.split()[0]).netloc
        finally:
            child.kill()


def loaded(address: str, load: Load, seed: int) -> tuple[list[Caller], list[float]]:
    """People who ask at random times; all of them, and every answer's milliseconds."""
    random, idle, lock = Random(seed), [], Lock()
    people = [Caller(f"p{seed}x{n}") for n in range(load.people)]
    idle, took = list(people), []

    def ask(person: Caller) -> None:
        milliseconds = person.ask(address)
        with lock:
            took.append(milliseconds)
            idle.append(person)

    futures, due = [], time.monotonic()
    end = due + load.seconds
    with ThreadPoolExecutor(load.people) as pool:
        while (due := due + random.expovariate(load.rate)) < end:
            time.sleep(max(0.0, due - time.monotonic()))
            with lock:  # nobody asks twice at once; if all are waiting the next asks later
                person = idle.pop(random.randrange(len(idle))) if idle else None
            if person is not None:
                futures.append(pool.submit(ask, person))
    for future in futures:
        future.result()
    return people, took


def killed(child: subprocess.Popen[str], address: str, load: Load, seed: int) -> list[Caller]:
    """People who ask one thing after another until the server is killed (signal 9)."""
    people, gone = [Caller(f"k{seed}x{n}") for n in range(load.people)], Event()

    def talk(person: Caller) -> None:
        while not gone.is_set():
            try:
                person.ask(address)
            except (OSError, http.client.HTTPException):
                return

    with ThreadPoolExecutor(load.people) as pool:
        futures = [pool.submit(talk, person) for person in people]
        time.sleep(load.seconds * (0.5 + Random(seed).random()))
        child.kill()
        child.wait()
        gone.set()
    for future in futures:
        future.result()
    return people


def lost(where: str, people: list[Caller]) -> int:
    """Turns that were acknowledged and are not kept, or not in their order."""
    count = 0
    with Conversations(where) as talks:
        for person in people:
            kept = [turn.text for turn in talks.of(person.name).turns()]
            place = 0
            for text in person.acknowledged:
                if text in kept[place:]:
                    place = kept.index(text, place) + 1
                else:
                    count += 1
    return count


def counted(address: str, name: str) -> float:
    """The sum of a metric of the server's over its labels."""
    link = http.client.HTTPConnection(address, timeout=60)
    try:
        link.request("GET", "/metrics")
        page = link.getresponse().read().decode()
    finally:
        link.close()
    lines = [line for line in page.splitlines() if line.startswith(f"duotempo_{name}")]
    return sum(float(line.split()[-1]) for line in lines)
