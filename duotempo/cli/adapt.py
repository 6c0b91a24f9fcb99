"""`duotempo adapt`: lessons of a task to prompts, skills to weights."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import Number
from rich.live import Live
from rich.table import Table
from rich.text import Text

from duotempo.cli.common import USUAL, Common, Flag
from duotempo.cli.console import console, say, show_json, show_text, table, telling
from duotempo.cli.living import prepare
from duotempo.core import UserError
from duotempo.core.files import write_text

if TYPE_CHECKING:
    from duotempo.adapt.cycle import Plan, Settings
    from duotempo.adapt.run import Adapted, Look
    from duotempo.adapt.task_file import Found
    from duotempo.adapt.world import World
else:
    Plan = Settings = Adapted = Look = Found = World = Any  # torch takes seconds to import

Method = Literal["fst", "rl", "prompt", "sequential", "rl-prompt"]
Whole = Annotated[int, Parameter(validator=Number(gte=1))]


@Parameter(name="*", group=Group("Size", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Counts:
    """How long and how wide."""

    cycles: Whole = 9
    """Cycles: a search, then steps of the weights, then the guard. A finished run goes on when it
    is asked for more."""
    steps: Whole = 6
    """Steps of the weights in a cycle."""
    problems: Whole | None = None
    """Problems of a step; 12 for the rulebook, 4 for chat models."""
    group: Annotated[int, Parameter(validator=Number(gte=2))] = 8
    """Answers to each problem of a step."""
    prompts: Whole | None = None
    """Prompts that the weights learn under, at most, sharing a group; 4 when left out."""
    test: Whole = 64
    """Problems of the test that every cycle is measured by."""
    first: Whole | None = None
    """Edits tried in the first search; 48 for the rulebook, 16 for chat models."""
    proposals: Annotated[int | None, Parameter(validator=Number(gte=0))] = None
    """Edits tried in each search after it; 6 for the rulebook, 4 for chat models."""
    retest: Annotated[list[str] | None, Parameter(negative="")] = None
    """Files of earlier tasks of this model, to be tested again under their stored prompts; tasks
    that have names are found without. May be given more than once."""


@Parameter(name="*", group=Group("Channels", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class Channels:
    """What may move, and who moves it."""

    method: Method = "fst"
    """fst: both channels in every cycle; rl: weights alone; prompt: prompts alone; sequential: all
    search first, then weights; rl-prompt: weights first."""
    reflector: str | None = None
    """Who edits prompts: auto, self (the frozen model), lines (a task's hints), gepa, expert or
    chance (the rulebook), or the address of an endpoint that speaks as OpenAI's does."""
    reflector_model: str | None = None
    """The model to ask that endpoint for; the key is taken from OPENAI_API_KEY."""
    rate: Annotated[float | None, Parameter(validator=Number(gt=0))] = None
    """Rate of the weights; 5e-4 for the rulebook, 1e-4 for chat models."""
    kl: Annotated[float | None, Parameter(validator=Number(gte=0))] = None
    """Penalty on KL to the model before; 1e-3 when left out."""
    budget: Annotated[float | None, Parameter(validator=Number(gt=0))] = None
    """Nats a token that the model may drift on other questions before the guard refuses; 1 when
    left out."""
    rank: Annotated[int | None, Parameter(validator=Number(gte=0))] = None
    """Rank of a chat model's LoRA adapter; 8 when left out, 0 lets all weights move."""
    reuse: Flag = False
    """Use the answers that prompts were judged by as lessons for the weights too."""


SIZE, CHANNELS = Counts(), Channels()


def adapt(
    *,
    task: str,
    model: str = "smollm2",
    out: Path | None = None,
    fresh: Flag = False,
    counts: Counts = SIZE,
    channels: Channels = CHANNELS,
    common: Common = USUAL,
) -> None:
    """Adapt a model to a task: lessons go to prompts, skills to weights.

    A task is a file with a class: seed_prompt, problems(split, seed), score(problem, answer). Every
    cycle prompts evolve on the problems to come, then the weights make a few steps under the best
    of them, and a guard refuses steps that drift too far from what the model could do before. A run
    that was stopped or killed goes on at the same cycle when the same command is given again.

        duotempo adapt --task my_task.py --model HuggingFaceTB/SmolLM2-135M-Instruct

        duotempo adapt --task my_task.py --method rl --cycles 4

        duotempo adapt --task rulebook:jump+ends --model runs/rulebook-base-0

    Parameters
    ----------
    task
        path/to/task.py, rulebook:RULE, or one of the short chat tasks.
    model
        smollm2, a folder, a hub id, or the folder of a native model or of its run.
    out
        Folder of the run; runs/adapt-TASK-METHOD-SEED when left out.
    fresh
        Start anew: removes what an earlier run left in the folder.
    """
    refuse_contradictions(counts, channels)
    prepare(common)
    from duotempo.adapt.run import adapt as run  # noqa: PLC0415 - imports torch
    from duotempo.adapt.run import start_anew  # noqa: PLC0415 - imports torch
    from duotempo.adapt.task_file import find_task  # noqa: PLC0415 - imports torch
    from duotempo.study.adapt_page import report  # noqa: PLC0415 - imports torch

    found = find_task(task)
    folder = out or Path("runs") / f"adapt-{plain(found.name)}-{channels.method}-{common.seed}"
    refuse_itself(model, folder)
    with telling(common.quiet) as tell:
        world, plan, settings, look = made(found, model, counts, channels, common, tell)
    if fresh:
        start_anew(folder)
    try:
        with board(plan.cycles, quiet=common.quiet) as shown:
            done = run(found, world, plan, settings, folder, look=look, shown=shown)
    except KeyboardInterrupt:
        say(f"the last whole cycle is in {folder}: the same command goes on from it")
        raise
    command = shlex.join(["duotempo", *sys.argv[1:]])
    write_text(folder / "report.html", report(found.name, done, command))
    show(found, done, common)


def refuse_itself(model: str, folder: Path) -> None:
    """Raise `UserError` for a run that would write over the model that it begins with."""
    begun, here = Path(model).expanduser().resolve(), folder.expanduser().resolve()
    if begun == here or here in begun.parents:
        raise UserError(f"the model lies in {folder}, where this run writes: give another --out")


def refuse_contradictions(counts: Counts, channels: Channels) -> None:
    """Raise `UserError` for options that the method has no use for."""
    method = channels.method
    slow = {"rate": channels.rate, "kl": channels.kl, "budget": channels.budget,
            "rank": channels.rank, "prompts": counts.prompts}  # fmt: skip
    given = [name for name, value in slow.items() if value is not None]
    if method == "prompt" and given:
        raise UserError(
            f"--method prompt leaves the weights alone: leave out --{given[0]}, or use --method fst"
        )
    if method == "prompt" and channels.reuse:
        raise UserError("--reuse is for weights that learn: leave it out, or use --method fst")
    edits = (channels.reflector, channels.reflector_model, channels.reuse)
    if method == "rl" and any((*edits, counts.first, counts.proposals, counts.prompts)):
        raise UserError(
            "--method rl edits no prompts: leave out --reflector, --reuse, --first, --proposals "
            "and --prompts, or use --method fst"
        )
    if counts.prompts and counts.prompts > counts.group:
        raise UserError(
            f"--prompts {counts.prompts}: the {counts.group} answers to a problem are shared by "
            f"that many prompts at most: give --group {counts.prompts} too"
        )
    if channels.reflector_model and not (channels.reflector or "").startswith("http"):
        raise UserError("--reflector-model is an endpoint's: give its address as --reflector too")


def plain(name: str) -> str:
    """A name that may be a folder's."""
    return "".join(c if c.isalnum() or c in "+-_" else "-" for c in name)


def made(
    found: Found, model: str, counts: Counts, channels: Channels, common: Common, tell: Any
) -> "tuple[World, Plan, Settings, Look]":  # fmt: skip
    """All that a run is made of."""
    from duotempo.adapt.at_hand import (  # noqa: PLC0415 - imports torch
        broad_of,
        earlier,
        policy_of,
        reflector_of,
    )
    from duotempo.adapt.cycle import Plan, Settings  # noqa: PLC0415 - imports torch
    from duotempo.adapt.learn import Lesson  # noqa: PLC0415 - imports torch
    from duotempo.adapt.native import WordPolicy  # noqa: PLC0415 - imports torch
    from duotempo.adapt.prompts import Search  # noqa: PLC0415 - imports torch
    from duotempo.adapt.reuse import Kept  # noqa: PLC0415 - imports torch
    from duotempo.adapt.run import Look  # noqa: PLC0415 - imports torch
    from duotempo.adapt.store import PromptStore  # noqa: PLC0415 - imports torch
    from duotempo.adapt.tally import Tally  # noqa: PLC0415 - imports torch
    from duotempo.adapt.weights import Cispo  # noqa: PLC0415 - imports torch
    from duotempo.adapt.world import World  # noqa: PLC0415 - imports torch

    rank = 8 if channels.rank is None else channels.rank
    longest = getattr(found.task, "longest", None)
    policy = policy_of(model, rank, longest, common.seed, tell)
    words = isinstance(policy, WordPolicy)
    name = channels.reflector or "auto"
    reflector = reflector_of(name, channels.reflector_model, policy, found.task)
    lesson = Lesson(
        group=counts.group,
        rate=channels.rate or (5e-4 if words else 1e-4),
        loss=Cispo() if channels.kl is None else Cispo(kl=channels.kl),
    )
    plan = Plan(
        cycles=counts.cycles,
        steps=counts.steps,
        problems=counts.problems or (12 if words else 4),
        prompts=counts.prompts or min(4, counts.group),
        budget=1.0 if channels.budget is None else channels.budget,
        seed=common.seed,
    )
    usual = Search() if words else Search(proposals=4, first=16)
    search = replace(
        usual,
        first=counts.first or usual.first,
        proposals=usual.proposals if counts.proposals is None else counts.proposals,
    )
    kept = Kept(lesson.temperature) if channels.reuse else None
    world = World(policy, found.task, reflector, broad_of(policy), Tally(common.seed), kept)
    store = PromptStore.near(Path(model))
    look = Look(counts.test, earlier(store, counts.retest or ()), store)
    return world, plan, Settings(search, lesson, channels.method), look


HEAD = ("cycle", "reward", "test", "KL broad", "answers", "prompts", "best prompt")


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """A cycle in a line."""
    drawn = row["rollouts"]["fast"] + row["rollouts"]["slow"]
    return (
        str(row["cycle"]),
        "" if row["reward"] is None else f"{row['reward']:.2f}",
        f"{row['test']:.2f}",
        f"{row['kl']['broad']:.3f}",
        f"{drawn:,}",
        str(row["prompts"]),
        " ".join(row["prompt"].split()),
    )


@contextmanager
def board(cycles: int, *, quiet: bool) -> Iterator[Any]:
    """Shows rows: a live table on a terminal, else a line each; nothing when quiet."""
    if quiet:
        yield lambda row: None
        return
    if not console.is_terminal:
        yield lambda row: say(
            ", ".join(f"{name} {cell}" for name, cell in zip(HEAD, cells(row), strict=True) if cell)
        )
        return
    drawn = Table(box=None, pad_edge=False, title=f"of {cycles} cycles", title_justify="left")
    for name in HEAD:
        last = name == HEAD[-1]
        drawn.add_column(name, justify="left" if last else "right", no_wrap=True)
    with Live(drawn, console=console, refresh_per_second=2):
        yield lambda row: drawn.add_row(*map(Text, cells(row)))


def show(found: Found, done: Adapted, common: Common) -> None:
    """How the run ended, and where everything is."""
    first, last = done.rows[0], done.rows[-1]
    if common.json:
        kept = {name: {"then": a, "now": b} for name, (a, b) in done.retention.items()}
        show_json({"task": found.name, "folder": str(done.folder), "retention": kept, **last})
        return
    if last["faults"]:
        say(
            f"warning: the task's score() failed on {last['faults']} answers, which were skipped; "
            f"the latest with {last['fault']}"
        )
    lines = {
        "test": f"{first['test']:.3f} before, {last['test']:.3f} after",
        "prompt": last["prompt"],
        "weights": f"{last['steps']} steps; KL on other questions {last['kl']['broad']:.3f}",
    }
    lines |= {
        f"kept: {n}": f"{then:.3f}, now {now:.3f}" for n, (then, now) in done.retention.items()
    }
    lines["model"] = str(done.folder / "model")
    lines["report"] = str(done.folder / "report.html")
    show_text(table(lines))
