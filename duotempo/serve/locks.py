"""Locks by name: one person's requests come one after the other, others' do not wait for them."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from duotempo.serve.errors import Refused


class Locks:
    """A lock for each name, there only while somebody wants it."""

    def __init__(self) -> None:
        self._all = Lock()
        self._held: dict[str, tuple[Lock, int]] = {}

    @contextmanager
    def hold(self, name: str, patience: float = -1.0) -> Iterator[None]:
        """Hold a name's lock; raises `Refused` (503) after so many seconds, if not negative."""
        with self._all:
            lock, many = self._held.get(name, (Lock(), 0))
            self._held[name] = lock, many + 1
        got = False
        try:
            got = lock.acquire(timeout=patience) if patience else lock.acquire(blocking=False)
            if not got:
                raise Refused(503, "another request of yours is being answered: try again", 5.0)
            yield
        finally:
            if got:
                lock.release()
            with self._all:
                lock, many = self._held[name]
                if many == 1:
                    del self._held[name]
                else:
                    self._held[name] = lock, many - 1
