"""Workers in processes: jobs go out, progress and rows come back, a death costs one job."""

import math
import multiprocessing
import os
import signal
import time
import traceback
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from duotempo.core import Tell
from duotempo.study.base import Job, Row, Size, Study

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
EVERY = 0.2
"""Seconds between two words of progress from one worker."""


@dataclass(frozen=True)
class Progress:
    """A word from a running job."""

    job: Job
    what: str
    done: float | int
    total: float | int


@dataclass(frozen=True)
class Done:
    """The rows of a finished job, and the seconds it took."""

    job: Job
    rows: tuple[Row, ...]
    seconds: float


@dataclass(frozen=True)
class Failed:
    """What went wrong in a job: one line, and where it happened."""

    job: Job
    error: str
    trace: str = ""


Report = Progress | Done | Failed


def attempt(study: Study, job: Job, size: Size, tell: Tell) -> Done | Failed:
    """Measure one job; whatever it raises becomes its report, so that others go on."""
    started = time.monotonic()
    try:
        rows = tuple(_checked(study, row) for row in study.measure(job, size, tell))
    except Exception as error:  # noqa: BLE001, it is reported, with its trace
        return Failed(job, f"{type(error).__name__}: {error}", traceback.format_exc())
    return Done(job, rows, time.monotonic() - started)


def _checked(study: Study, row: Row) -> Row:
    """The row in plain numbers, so that an array library's own do not reach the files."""
    if row.metric not in study.metrics:
        raise ValueError(f"metric {row.metric!r} has no meaning in the study's metrics")
    if not math.isfinite(row.value):
        raise ValueError(f"{row.metric} of {row.arm} at x={row.x} is {row.value}")
    x = None if row.x is None else float(row.x)
    return Row(row.arm, int(row.seed), row.metric, x, float(row.value))


def work(
    study: Study, jobs: Sequence[Job], size: Size, *, workers: int | None, threads: int
) -> Generator[Report, None, None]:
    """Measure the jobs in `workers` processes of `threads` threads each (None: as many as the
    cores allow); reports as they come.

    A worker that dies (killed, out of memory) fails its own job only and is replaced. Closing the
    iterator ends the workers at once.
    """
    waiting = deque(jobs)
    workers = workers or max(1, (os.cpu_count() or 1) // threads)
    crew: dict[Connection, _Worker] = {}
    try:
        while waiting or crew:
            while waiting and len(crew) < workers:
                worker = _hire(study, size, threads, waiting.popleft())
                crew[worker.pipe] = worker
            ready = wait(list(crew))
            for worker in [w for w in crew.values() if w.pipe in ready]:
                report = worker.listen()
                yield report
                if isinstance(report, Progress):
                    continue
                if waiting and worker.process.is_alive():
                    worker.take(waiting.popleft())
                else:
                    crew.pop(worker.pipe).dismiss()
    finally:
        for worker in crew.values():
            worker.dismiss()


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    job: Job

    def take(self, job: Job) -> None:
        self.job = job
        with suppress(BrokenPipeError):  # it died while idle: listen() will say so
            self.pipe.send(job)

    def listen(self) -> Report:
        try:
            return self.pipe.recv()
        except (EOFError, ConnectionResetError):
            self.process.join()
            code = self.process.exitcode
            return Failed(self.job, f"its process ended with code {code}; was memory short?")

    def dismiss(self) -> None:
        self.pipe.close()
        self.process.terminate()
        self.process.join()


def _hire(study: Study, size: Size, threads: int, job: Job) -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, threads), daemon=True)
    process.start()
    theirs.close()
    worker = _Worker(process, ours, job)
    ours.send((study, size))
    worker.take(job)
    return worker


def _serve(pipe: Connection, threads: int) -> None:
    """A worker's life. The study arrives by the pipe, after the threads are set: its import may
    load numpy or torch, which read the setting once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's: it ends the workers
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    study, size = pipe.recv()
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        pipe.send(attempt(study, job, size, _teller(pipe, job)))


def _teller(pipe: Connection, job: Job) -> Tell:
    last = -math.inf

    def tell(what: str, done: float | int, total: float | int) -> None:
        nonlocal last
        if time.monotonic() - last < EVERY:
            return
        last = time.monotonic()
        try:
            pipe.send(Progress(job, what, done, total))
        except BrokenPipeError:
            raise SystemExit(1) from None  # the parent is gone: nobody would keep the rows

    return tell
