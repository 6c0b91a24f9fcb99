"""The log of a run: one JSON object a line; a resumed run loses none and repeats none."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, runtime_checkable

from duotempo.core import UserError
from duotempo.core.files import write_text

Facts = Mapping[str, Any]


@runtime_checkable
class Sink(Protocol):
    """Somewhere else for the lines of a log to go."""

    def write(self, facts: Facts, /) -> None:
        """Take note of one line."""
        ...

    def close(self) -> None:
        """Nothing more will come."""
        ...


def lines(path: Path, step: int | None = None) -> list[dict[str, Any]]:
    """The whole lines of a log, up to those of `step`; none when there is no log.

    A line that a kill cut short is left out, and so is what follows a step that was not saved.
    """
    found = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            facts = json.loads(line)
        except ValueError:
            break
        if step is not None and facts["step"] > step:
            break
        found.append(facts)
    return found


class Log:
    """Appends lines to a file and hands them to sinks; goes on after the lines of `step`.

    Without a path it swallows all: of the processes that train together one keeps the log.
    """

    def __init__(self, path: Path | None, step: int, sinks: Sequence[Sink] = ()) -> None:
        if path is not None:
            kept = lines(path, step)
            write_text(path, "".join(json.dumps(facts) + "\n" for facts in kept))
        self._path = Path(path or os.devnull)
        self._file = self._path.open("a", encoding="utf-8")
        self._kept, self._sinks = path is not None, sinks

    def write(self, facts: Facts) -> None:
        """Add one line; it must name its `step`."""
        with self._told():
            self._file.write(json.dumps(facts) + "\n")
        for sink in self._sinks:
            sink.write(facts)

    def settle(self) -> None:
        """Have every line on the disk: before a checkpoint says that they were written."""
        with self._told():
            self._file.flush()
            if self._kept:
                os.fsync(self._file.fileno())

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise UserError(
                f"cannot write {self._path} ({error.strerror}): free some space and give the same "
                "command again; it goes on from the last checkpoint"
            ) from error

    def __enter__(self) -> "Log":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with suppress(OSError) if error else self._told():  # the first error is the one to tell
            self._file.close()
        for sink in self._sinks:
            sink.close()
