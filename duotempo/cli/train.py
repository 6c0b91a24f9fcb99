"""`duotempo train`: train a model by a recipe; goes on where it was stopped."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from duotempo.cli.common import USUAL, Common, Flag
from duotempo.cli.console import console, say, show_json, show_text, table
from duotempo.cli.living import prepare
from duotempo.core import UserError
from duotempo.recipes import find, listing

if TYPE_CHECKING:
    from duotempo.train import Run, Trained


def train(
    recipe: str | None = None,
    /,
    *,
    out: Path | None = None,
    steps: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    save_every: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    fresh: Flag = False,
    sink: Annotated[list[Literal["tensorboard", "trackio"]] | None, Parameter(negative="")] = None,
    common: Common = USUAL,
) -> None:
    """Train a model by a recipe: a function that returns a complete run.

    Without a recipe, lists them. A run that was stopped or killed goes on where it was when the
    same command is given again, with the same losses bit for bit; Ctrl-C saves first. Under
    torchrun the processes share each batch and the weights.

        duotempo train

        duotempo train needle:passkey --out runs/passkey

        duotempo train my/recipes.py:small --steps 100

        torchrun --nproc-per-node 2 $(which duotempo) train needle:passkey

    Parameters
    ----------
    recipe
        module:function, or path/to/file.py:function.
    out
        Folder of the run; runs/RECIPE-SEED when left out.
    steps
        Shorten the run to about so many steps, every stage alike.
    save_every
        Steps from one checkpoint to the next.
    fresh
        Start anew: removes what an earlier run left in the folder.
    sink
        Send the log there too; may be given more than once.
    """
    if recipe is None:
        show_recipes(common)
        return
    run, folder = made(recipe, steps, common), out or default_folder(recipe, common.seed)
    speaks = os.environ.get("RANK", "0") == "0"  # of the processes of torchrun, one
    with board(run.steps, quiet=common.quiet or not speaks) as shown:
        trained = carried_out(
            run,
            folder,
            [*shown, *sinks(sink or (), folder, speaks)],
            {"save_every": save_every, "fresh": fresh},
        )
    if speaks:
        show(recipe, trained, common)


def show_recipes(common: Common) -> None:
    """What can be trained."""
    if common.json:
        show_json(listing())
    else:
        show_text(table(listing()) or "no recipes yet: duotempo train path/to/file.py:function")


def made(recipe: str, steps: int | None, common: Common) -> "Run":
    """The run that a recipe returns, with the seed and length that were asked for."""
    function = find(recipe)
    from duotempo.train import Run  # noqa: PLC0415 - it loads torch

    prepare(common)
    run = function()
    if not isinstance(run, Run):
        raise UserError(f"{recipe} returned no Run: a recipe returns a duotempo.train.Run")
    run = replace(run, seed=common.seed)
    return run if steps is None else run.shortened(steps)


def default_folder(recipe: str, seed: int) -> Path:
    """Where a run goes that was given no folder."""
    place, _, function = recipe.removeprefix("recipes.").rpartition(":")
    return Path("runs") / f"{Path(place).stem}-{function}-{seed}"


def sinks(names: Sequence[str], folder: Path, speaks: bool) -> list[Any]:
    """The other places for the log; from one process only."""
    from duotempo.train.sinks import SINKS  # noqa: PLC0415 - it loads torch

    return [SINKS[name](folder) for name in names] if speaks else []


def carried_out(
    run: "Run", folder: Path, sinks: Sequence[Any], options: dict[str, Any]
) -> "Trained":
    """Train; when interrupted, say how to go on."""
    from duotempo.train import train as learn  # noqa: PLC0415 - it loads torch

    try:
        return learn(run, folder, sinks=sinks, **options)
    except KeyboardInterrupt:
        if any((folder / "checkpoints").glob("step-*")):
            say(f"a checkpoint is in {folder}: the same command (without --fresh) goes on from it")
        raise


class Bar:
    """Shows the lines of the log as a moving bar."""

    def __init__(self, progress: Progress, steps: int) -> None:
        self._progress = progress
        self._task = progress.add_task("training", total=steps, loss="", speed="")

    def write(self, facts: dict[str, Any]) -> None:
        """Move on by a line."""
        if "loss" not in facts:
            return
        exact = "" if facts["exact"] is None else f", answers {facts['exact']:.0%}"
        self._progress.update(
            self._task,
            completed=facts["step"],
            description=f"stage {facts['stage']}",
            loss=f"loss {facts['loss']:.3f}{exact}",
            speed=f"{facts['tokens_per_second']:,} tokens/s",
        )

    def close(self) -> None:
        """The progress closes itself."""


@contextmanager
def board(steps: int, *, quiet: bool) -> Iterator[list[Bar]]:
    """A bar for the log to be shown on; none when quiet or not on a terminal."""
    if quiet or not console.is_terminal:
        yield []
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[loss]}"),
        TextColumn("{task.fields[speed]}", style="dim"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        yield [Bar(progress, steps)]


def show(recipe: str, trained: "Trained", common: Common) -> None:
    """How the run ended, and where the model is."""
    if common.json:
        facts = asdict(trained) | {"folder": str(trained.folder), "model": str(trained.model)}
        show_json({"recipe": recipe, **facts})
        return
    last, held_out = trained.last, trained.held_out
    lines = {
        "trained": f"{trained.steps:,} steps, {trained.tokens:,} tokens in {trained.seconds:.0f} s",
        "loss": f"{last['loss']:.4f}",
    }
    if last["exact"] is not None:
        lines["answers"] = f"{last['exact']:.1%} right ({last['right']:.1%} of their tokens)"
    if held_out is not None and held_out["bits"] is not None:
        lines["held out"] = f"{held_out['bits']:.3f} bits per token"
    if held_out is not None and held_out["exact"] is not None:
        lines["held-out answers"] = f"{held_out['exact']:.1%} of {held_out['answers']}"
    lines |= {"log": str(trained.folder / "log.jsonl"), "model": str(trained.model)}
    show_text(table(lines))
    if trained.watch is not None and trained.watch["alarm"]:
        say(f"warning: {trained.watch['alarm']}; train longer, or with another objective")
