"""A server in a thread, on a free port, and models that do as a test needs."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Thread

import httpx2
import openai
import uvicorn

from duotempo.archive.conversation_records import Line
from duotempo.archive.people import Conversations
from duotempo.converse.model import Dated, Finding, Model, Said
from duotempo.serve.app import application
from duotempo.serve.backend import Echo
from duotempo.serve.limits import Limits
from duotempo.serve.state import Serving, State
from duotempo.serve.tokens import Tokens

EASY = Limits(rate=10_000.0, burst=10_000)
NEVER = 3600.0
SERVING = Serving("echo", idle=NEVER, limits=EASY)


@dataclass(frozen=True)
class Planted(Echo):
    """An echo that keeps what it was asked, waits where a test says so, and may fail."""

    asked: list[tuple[str, list[Line], list[Said]]] = field(default_factory=list)
    before_reply: Callable[[], None] = lambda: None
    before_notes: Callable[[], None] = lambda: None

    def reply(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
        """What was said, once the test lets it."""
        self.asked.append((name, list(memory), list(turns)))
        self.before_reply()
        return super().reply(name, memory, turns)

    def remember(self, name: str, turns: Sequence[Said]) -> list[Finding]:
        """Notes, once the test lets it."""
        self.before_notes()
        return super().remember(name, turns)

    def compress(self, name: str, notes: Sequence[Dated], budget: int) -> list[Finding]:
        """A memory."""
        return super().compress(name, notes, budget)


@dataclass(frozen=True)
class Served:
    """A running server: its address, its parts, and clients."""

    url: str
    state: State
    talks: Conversations
    web: httpx2.Client
    pool: ThreadPoolExecutor

    def client(self, token: str = "none") -> openai.OpenAI:
        """The official client; close it."""
        return openai.OpenAI(base_url=f"{self.url}/v1", api_key=token, max_retries=0)

    def say(self, *said: str, token: str = "none", **more: object) -> httpx2.Response:
        """A conversation, the user first."""
        roles = ("user", "assistant")
        messages = [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]
        return self.post(messages, token, **more)

    def post(self, messages: list, token: str = "none", **more: object) -> httpx2.Response:
        """A request as it is."""
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}  # ty: ignore
        body = {"model": "any", "messages": messages, **more}
        return self.web.post("/v1/chat/completions", json=body, headers=headers)

    def said(self, name: str = "me") -> list[str | None]:
        """All that somebody's log holds."""
        return [turn.text for turn in self.talks.of(name).turns()]

    def slept(self, name: str = "me", patience: float = 10) -> None:
        """Sleep now, and wait for its end."""
        self.state.sleeper.ask(name)
        until(lambda: not any(self.asleep(name)), patience)

    def asleep(self, name: str) -> tuple[bool, bool]:
        """Whether somebody's sleep is under way or asked for."""
        now = self.state.sleeper.state(name)
        return now.running, now.asked


@contextmanager
def served(
    where: str | Path,
    model: Model | None = None,
    serving: Serving = SERVING,
    tokens: dict[str, str] | None = None,
) -> Iterator[Served]:
    """A server over a database, stopped cleanly when this ends."""
    with Conversations(where) as talks, socket.create_server(("127.0.0.1", 0)) as listening:
        known = Tokens(list(tokens.items())) if tokens else None
        app = application(talks, model or Echo(), serving, known)
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", access_log=False))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            until(lambda: server.started, 20)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            with httpx2.Client(base_url=url, timeout=30) as web, ThreadPoolExecutor(8) as pool:
                yield Served(url, app.state.duotempo, talks, web, pool)
        finally:
            server.should_exit = True
            thread.join(timeout=30)
            assert not thread.is_alive()


def until(true: Callable[[], bool], patience: float = 10) -> None:
    """Wait for something, at most so many seconds."""
    end = time.monotonic() + patience
    while not true():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.01)


def limited(**limits: float) -> Serving:
    """The usual server with other limits."""
    return replace(SERVING, limits=replace(EASY, **limits))


@dataclass
class Door:
    """Where a model waits until a test lets it go on."""

    reached: Event = field(default_factory=Event)
    opened: Event = field(default_factory=Event)

    def __call__(self) -> None:
        self.reached.set()
        assert self.opened.wait(20)
