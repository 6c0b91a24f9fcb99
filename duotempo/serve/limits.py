"""Limits: how large a request, how many at once, how many a second and person."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

from duotempo.core import UserError
from duotempo.serve.errors import Refused

MOST_BUCKETS = 10_000


@dataclass(frozen=True)
class Limits:
    """`body`: bytes of a request. `rate`: requests a second and person in the long run, `burst`: at
    once. `replies`: that are under way at once, `waiting`: of these, one person's.

    Raises `UserError`.
    """

    body: int = 4 * 2**20
    rate: float = 2.0
    burst: int = 20
    replies: int = 64
    waiting: int = 4

    def __post_init__(self) -> None:
        if min(self.body, self.burst, self.replies, self.waiting) < 1 or self.rate <= 0:
            raise UserError("limits are at least 1, and the rate more than 0 requests a second")


class Rates:
    """A bucket of tokens for each person (token bucket): a request takes one, time fills it."""

    def __init__(self, limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        self.limits, self.clock = limits, clock
        self._lock = Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> None:
        """Take a token. Raises `Refused` (429) with the seconds until there is one."""
        rate, burst = self.limits.rate, self.limits.burst
        with self._lock:
            now = self.clock()
            tokens, then = self._buckets.get(name, (float(burst), now))
            tokens = min(float(burst), tokens + (now - then) * rate)
            if tokens < 1:
                raise Refused(
                    429, f"more than {rate:g} requests a second: wait a little", (1 - tokens) / rate
                )
            self._buckets[name] = tokens - 1, now
            if len(self._buckets) > MOST_BUCKETS:
                full = burst / rate
                self._buckets = {n: b for n, b in self._buckets.items() if now - b[1] < full}


class Doors:
    """Counts the replies that are under way, so that nobody keeps all others waiting."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._lock = Lock()
        self._inside: Counter[str] = Counter()

    @contextmanager
    def enter(self, name: str) -> Iterator[None]:
        """Be counted. Raises `Refused`: 429 where a person waits too often, 503 for all."""
        with self._lock:
            if self._inside[name] >= self.limits.waiting:
                raise Refused(429, "your earlier requests are still being answered", 1.0)
            if self._inside.total() >= self.limits.replies:
                raise Refused(503, "the server is busy: try again", 1.0)
            self._inside[name] += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[name] -= 1
                if not self._inside[name]:
                    del self._inside[name]
