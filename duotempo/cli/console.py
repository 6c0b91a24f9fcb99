"""What a person sees: results on standard output, progress and errors on standard error."""

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from duotempo.core import Tell, silent

console = Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Write a line to standard error, as it is: no markup, no wrapping."""
    console.print(text, markup=False, soft_wrap=True)


def show(facts: Mapping[str, str]) -> None:
    """Write named facts to standard output, one a line, the names in a column."""
    width = max(map(len, facts), default=0)
    for name, fact in facts.items():
        lines = fact.splitlines() or [""]
        sys.stdout.write(f"{name:<{width}}  {lines[0]}\n")
        for line in lines[1:]:
            sys.stdout.write(f"{'':<{width}}  {line}\n")


def show_text(text: str) -> None:
    """Write text to standard output, ended by one newline."""
    sys.stdout.write(text.rstrip("\n") + "\n")


def show_json(facts: Mapping[str, Any]) -> None:
    """Write one JSON object to standard output."""
    sys.stdout.write(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def telling(quiet: bool = False) -> Iterator[Tell]:
    """Give a `Tell` that draws a live bar; it is `silent` when quiet or not on a terminal."""
    if quiet or not console.is_terminal:
        yield silent
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        tasks = {}

        def tell(what: str, done: float, total: float) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what)
            progress.update(tasks[what], completed=done, total=total or None)

        yield tell
