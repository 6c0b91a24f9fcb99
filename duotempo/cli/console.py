"""What a person sees: results on standard output, progress and errors on standard error."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from duotempo.core import Tell, silent

console = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Write a line to standard error, as it is: no markup, no wrapping."""
    console.print(text, markup=False, soft_wrap=True)


def table(facts: Mapping[str, str]) -> str:
    """Named facts, one a line, the names in a column."""
    width = max(map(len, facts), default=0)
    return "\n".join(f"{name:<{width}}  {fact}" for name, fact in facts.items())


def show_columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table to standard output: the first column says what, the others are numbers."""
    drawn = Table(box=None, pad_edge=False)
    for number, name in enumerate(head):
        drawn.add_column(Text(name), justify="right" if number else "left", no_wrap=number > 0)
    for row in rows:
        drawn.add_row(*map(Text, row))
    Console(file=sys.stdout).print(drawn, "")


def show_text(text: str) -> None:
    """Write text to standard output, ended by one newline."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def show_json(facts: Mapping[str, Any]) -> None:
    """Write one JSON object to standard output."""
    sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


class Speed(ProgressColumn):
    """Units a second, as of late."""

    def render(self, task: Task) -> Text:
        """The speed of one task; nothing while it is not known."""
        return Text(f"{task.speed:,.0f}/s" if task.speed else "", style="dim")


@contextmanager
def telling(quiet: bool = False) -> Iterator[Tell]:
    """Give a `Tell` that draws one live bar; it is `silent` when quiet or not on a terminal.

    What is told behind a ` | ` may change without a new beginning of the bar.
    """
    if quiet or not console.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Speed(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("starting", total=None)
        told = "starting"

        def tell(what: str, done: float | int, total: float | int) -> None:
            nonlocal told
            task, *_ = what.split(" | ")
            if task != told:
                progress.reset(bar)
                told = task
            progress.update(bar, description=what, completed=done, total=total or None)

        yield tell
