"""What a person sees while a study runs: a bar for each arm at work, or a line a job."""

from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, runtime_checkable

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from duotempo.study import pool
from duotempo.study.base import Job


@runtime_checkable
class Board(Protocol):
    """Shows the reports of a run as they come."""

    def __enter__(self) -> "Board": ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def show(self, report: pool.Report) -> None:
        """Take note of one report."""
        ...


def board(jobs: Sequence[Job], finished: Sequence[Job], *, quiet: bool) -> Board:
    """The board for this terminal: bars, plain lines where there is no terminal, or nothing."""
    console = Console(stderr=True)
    if quiet:
        return Plain(None, len(jobs), len(finished))
    if console.is_terminal:
        return Bars(console, jobs, finished)
    return Plain(console, len(jobs), len(finished))


def note(text: str, quiet: bool) -> None:
    """Say a line, unless quiet."""
    if not quiet:
        Console(stderr=True).print(text, markup=False, highlight=False, soft_wrap=True)


class Plain:
    """One line for each finished or failed job; with no console, silence."""

    def __init__(self, console: Console | None, total: int, finished: int) -> None:
        self._console, self._total, self._finished = console, total, finished

    def __enter__(self) -> "Plain":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pass

    def show(self, report: pool.Report) -> None:
        """Print the line of a finished or failed job."""
        if self._console is None or isinstance(report, pool.Progress):
            return
        if isinstance(report, pool.Done):
            self._finished += 1
            end = f"{len(report.rows)} rows in {report.seconds:.1f} s"
        else:
            end = f"failed: {report.error}"
        job = report.job
        line = f"[{self._finished}/{self._total}] {job.arm}, seed {job.seed}: {end}"
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bars:
    """A bar for the whole and one for each arm at work; arms that rest are hidden."""

    def __init__(self, console: Console, jobs: Sequence[Job], finished: Sequence[Job]) -> None:
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[what]}", markup=False, style="dim"),
            console=console,
        )
        totals, done = Counter(j.arm for j in jobs), Counter(j.arm for j in finished)
        self._all = self._bars.add_task(
            "all jobs", total=len(jobs), completed=len(finished), what=""
        )
        self._arms = {
            arm: self._bars.add_task(arm, total=n, completed=done[arm], visible=False, what="")
            for arm, n in totals.items()
        }

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def show(self, report: pool.Report) -> None:
        """Move the bars."""
        arm = self._arms[report.job.arm]
        if isinstance(report, pool.Progress):
            share = f" {report.done / report.total:.0%}" if report.total else ""
            what = f"seed {report.job.seed}: {report.what}{share}"
            self._bars.update(arm, visible=True, what=what)
            return
        if isinstance(report, pool.Failed):
            self._bars.update(arm, visible=True, what=f"seed {report.job.seed} failed")
            return
        self._bars.advance(self._all)
        self._bars.advance(arm)
        task = next(t for t in self._bars.tasks if t.id == arm)
        self._bars.update(arm, visible=not task.finished)
