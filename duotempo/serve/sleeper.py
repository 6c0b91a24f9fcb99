"""Sleep in the background: sessions that fell silent end, and are slept on person by person."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from threading import Event, Lock, Thread

from duotempo.archive.memories import Memories
from duotempo.archive.rounds import silent, waiting
from duotempo.converse.conversation import Conversation
from duotempo.converse.model import Model
from duotempo.core import UserError
from duotempo.serve.errors import Refused
from duotempo.serve.locks import Locks
from duotempo.serve.talking import Talking

LOG = logging.getLogger("duotempo.serve")
AGAIN = 60.0
"""Seconds until a sleep that failed is tried again."""
OFTEN = 5.0
"""Seconds between two rounds, unless somebody asks."""


class Cut(Exception):
    """A sleep is to end: the server stops, or what it sleeps on is being forgotten."""


@dataclass(frozen=True)
class Sleep:
    """What is known of somebody's sleep: whether it is under way or asked for, and what failed."""

    running: bool
    asked: bool
    fault: str


class Sleeper:
    """One thread that ends sessions after `idle` seconds of silence and sleeps on them.

    `model` is asked through a check that cuts a sleep off between two generations. What was done
    is on disk, so a sleep that was cut off, by a crash too, is gone on with later; the memory that
    stood stands meanwhile.
    """

    def __init__(
        self, talking: Talking, model: Callable[[Callable[[], None]], Model], idle: float
    ) -> None:
        self.idle = idle
        self.talking = replace(talking, model=model(self.check))
        self._wake, self._stop = Event(), Event()
        self._state = Lock()
        self._asked: dict[str, None] = {}
        self._busy: str | None = None
        self._unwanted: Counter[str] = Counter()
        self._later: dict[str, tuple[float, str]] = {}
        self._locks = Locks()
        self._thread = Thread(target=self._run, name="sleeper", daemon=True)

    def start(self) -> None:
        """Begin, with what an earlier life of the server has left."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the generation that is under way."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def ask(self, name: str) -> None:
        """End somebody's session and sleep soon; nobody waits for it."""
        with self._state:
            self._asked[name] = None
            self._later.pop(name, None)
        self._wake.set()

    def state(self, name: str) -> Sleep:
        """How somebody's sleep stands."""
        with self._state:
            fault = self._later.get(name, (0.0, ""))[1]
            return Sleep(self._busy == name, name in self._asked, fault)

    @contextmanager
    def awake(self, name: str) -> Iterator[None]:
        """Somebody's sleep is cut off, and none begins, so long as this lasts."""
        with self._state:
            self._unwanted[name] += 1
        try:
            with self._locks.hold(name):
                yield
        finally:
            with self._state:
                self._unwanted[name] -= 1
                self._unwanted += Counter()  # without those that are 0
            self._wake.set()

    def check(self) -> None:
        """Raises `Cut` where the sleep that is under way is to end."""
        with self._state:
            unwanted = self._busy in self._unwanted
        if unwanted or self._stop.is_set():
            raise Cut

    def _run(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self.round()
            except Cut:
                continue
            except Exception as error:  # noqa: BLE001 - the thread must outlive a bad round
                self._failed("a round of sleep", error)
            self._wake.wait(min(OFTEN, max(self.idle / 4, 0.05)))

    def round(self) -> None:
        """End what fell silent, then sleep for whoever asked and for whom it is time."""
        talks, settings = self.talking.talks, self.talking.settings
        for name, _ in silent(talks, time.time() - self.idle):
            self._ended(name, time.time() - self.idle)
        with self._state:
            asked = list(self._asked)
        for name in asked:
            if self._ended(name):
                self._slept(name, now=True)
                with self._state:
                    self._asked.pop(name, None)
        for each in waiting(talks, settings.tries):
            later, _ = self._later.get(each.name, (0.0, ""))
            if later < time.monotonic() and (each.unnoted or each.sessions >= settings.every):
                self._slept(each.name)

    def _ended(self, name: str, before: float | None = None) -> bool:
        """End somebody's open session, if it is silent since a time; False: they are talking."""
        person = self.talking.talks.of(name)
        try:
            with self.talking.locks.hold(name, patience=0.0):
                if before is None:
                    Conversation(person, self.talking.model).end()
                else:
                    for _, session in silent(self.talking.talks, before, name):
                        person.end(session)
        except Refused:
            return False
        return True

    def _slept(self, name: str, now: bool = False) -> None:
        """Sleep on somebody's pending sessions; a failure is tried again later."""
        talking = self.talking
        person = talking.talks.of(name)
        with self._locks.hold(name):
            with self._state:
                self._busy = name
            try:
                before = len(Memories(person).versions())
                talk = Conversation(person, talking.model, talking.settings, talking.prober)
                for _ in talk.sleeps(now):
                    self.check()
                for version in Memories(person).versions()[before:]:
                    outcome = "accepted" if version.kept else "refused"
                    talking.tally.count("sleeps_total", outcome=outcome)
                with self._state:
                    self._later.pop(name, None)
            except Cut:
                if self._stop.is_set():
                    raise
            except Exception as error:  # noqa: BLE001 - one person's failure is not others'
                self._failed("a sleep", error)
                why = str(error) if isinstance(error, UserError) else type(error).__name__
                with self._state:
                    self._later[name] = time.monotonic() + AGAIN, why
            finally:
                with self._state:
                    self._busy = None

    def _failed(self, what: str, error: Exception) -> None:
        """Say so in the log, without anybody's words."""
        self.talking.tally.count("sleep_errors_total")
        LOG.warning("%s failed (%s), it is tried again", what, type(error).__name__)
