"""Data with known answers; a task is a frozen dataclass with `batches(seed)` and a `chance`."""

from collections.abc import Callable
from typing import Any

from duotempo.tasks.diary import Diary


def _diary() -> Diary:
    """Diaries of invented people: facts told once, asked for after they left the window."""
    return Diary()


def _prose() -> Any:
    """Prose byte by byte: read on; a part of the text is kept for testing."""
    from duotempo.tasks.prose import Prose  # noqa: PLC0415, imports torch

    return Prose()


def _needle() -> Any:
    """Needles in prose: keys, numbers and words told once and asked for at the end."""
    from duotempo.tasks.needle import Needle  # noqa: PLC0415, imports torch

    return Needle()


def _recall() -> Any:
    """Associative recall: pairs of a key and a value, then some of the keys again."""
    from duotempo.tasks.recall import Recall  # noqa: PLC0415, imports torch

    return Recall()


def _depo() -> Any:
    """Hops on a shuffled cycle, an edge a token: which node stands k hops on?"""
    from duotempo.tasks.depo import Depo  # noqa: PLC0415, imports torch

    return Depo()


def _depo_names() -> Any:
    """Hops on shuffled cycles of up to 75 nodes with names of two tokens, as published."""
    from duotempo.tasks.depo import DepoNames  # noqa: PLC0415, imports torch

    return DepoNames()


def _rule110() -> Any:
    """Rule 110 on rings of cells: what is the first bit of each after t steps?"""
    from duotempo.tasks.rule110 import Rule110  # noqa: PLC0415, imports torch

    return Rule110()


def _rulebook() -> Any:
    """Rulebook: four digits become four others by a rule of up to three named operations."""
    from duotempo.tasks.rulebook import Rulebook  # noqa: PLC0415, imports torch

    return Rulebook()


def _sessions() -> Any:
    """Sessions with invented people: notes of one, a memory of many, replies that know it."""
    from duotempo.tasks.sessions_rows import Sessions  # noqa: PLC0415, imports torch

    return Sessions()


def _almanac() -> Any:
    """Almanac: facts that hold in every text and facts that one text states, side by side."""
    from duotempo.tasks.almanac import Almanac  # noqa: PLC0415, imports torch

    return Almanac()


TASKS: dict[str, Callable[[], Any]] = {
    "diary": _diary,
    "prose": _prose,
    "needle": _needle,
    "recall": _recall,
    "depo": _depo,
    "depo-names": _depo_names,
    "rule110": _rule110,
    "rulebook": _rulebook,
    "sessions": _sessions,
    "almanac": _almanac,
}
"""Name -> the task as it is by default; the first line of its docstring says what it is.

A task loads when asked for, since some need torch; other settings: import its class.
"""
