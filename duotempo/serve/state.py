"""What a server is made of: people, a model, a sleeper, limits."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from fastapi import Request

from duotempo.archive.people import Conversations
from duotempo.converse.model import Model
from duotempo.converse.probes import Prober, cloze
from duotempo.converse.sleep import Settings
from duotempo.serve.gate import Gate, behind, free
from duotempo.serve.limits import Doors, Limits, Rates
from duotempo.serve.sleeper import Sleeper
from duotempo.serve.talking import Talking
from duotempo.serve.tokens import Tokens


@dataclass(frozen=True)
class Serving:
    """How to serve. `exclusive`: the model does one thing at a time; `idle`: seconds of silence
    after which a session ends; `host`: where it listens."""

    name: str
    exclusive: bool = False
    idle: float = 900.0
    host: str = "127.0.0.1"
    limits: Limits = Limits()  # noqa: RUF009 - frozen
    settings: Settings = Settings()  # noqa: RUF009 - frozen
    prober: Prober = cloze


@dataclass(frozen=True)
class State:
    """All of it, shared by every request; made by `made`."""

    serving: Serving
    tokens: Tokens | None
    talking: Talking
    sleeper: Sleeper
    rates: Rates
    doors: Doors
    workers: ThreadPoolExecutor
    since: float = field(default_factory=time.time)

    @property
    def host(self) -> str:
        """Where it listens."""
        return self.serving.host

    @contextmanager
    def alone(self, name: str, patience: float) -> Iterator[None]:
        """Neither a reply nor a sleep of a person's goes on meanwhile. Raises `Refused`, also where
        too many of theirs wait: each keeps a thread."""
        with (
            self.doors.enter(name),
            self.sleeper.awake(name),
            self.talking.locks.hold(name, patience),
        ):
            yield

    def start(self) -> None:
        """Begin to sleep in the background."""
        self.sleeper.start()

    def stop(self) -> None:
        """End sleep and replies; what was kept is on disk."""
        self.sleeper.stop()
        self.workers.shutdown()


def made(
    talks: Conversations, model: Model, serving: Serving, tokens: Tokens | None = None
) -> State:
    """The state of a server; nothing runs yet."""
    gate = Gate()

    def asleep(check: Callable[[], None]) -> Model:
        through = partial(gate.sleep, check) if serving.exclusive else partial(free, check)
        return behind(model, through)

    answering = behind(model, gate.reply) if serving.exclusive else model
    talking = Talking(talks, answering, serving.settings, serving.prober)
    limits = serving.limits
    return State(
        serving,
        tokens,
        talking,
        Sleeper(talking, asleep, serving.idle),
        Rates(limits),
        Doors(limits),
        ThreadPoolExecutor(limits.replies, "reply"),
    )


def state_of(request: Request) -> State:
    """The state of the server that a request came to."""
    return request.app.state.duotempo
