"""`duotempo recall`: how well a model's memory serves on LoCoMo or LongMemEval, without a judge."""

from collections.abc import Sequence
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from duotempo.cli.chat import SMOLLM2, Talker
from duotempo.cli.common import USUAL, Common, File
from duotempo.cli.console import say, show_columns, show_json, telling

if TYPE_CHECKING:
    from duotempo.converse.evaluate.summary import Cell
else:
    Cell = Any  # a database takes seconds to import: help must not wait

TABLES = (
    ("answers", ("f1", "contains", "denied")),
    ("evidence", ("coverage", "session any", "session all")),
)
"""Scores on the screen; result.json has all."""


def recall(
    file: File,
    *,
    talker: Talker = SMOLLM2,
    budget: Annotated[int, Parameter(validator=Number(gte=20))] = 400,
    limit: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    out: Path | None = None,
    common: Common = USUAL,
) -> None:
    """Score a model's memory on a published benchmark: LoCoMo or LongMemEval.

    Each conversation is kept in a database of its own, slept on, and asked about: with the memory,
    with what is looked up by words in its place, and with neither. A run that was stopped goes on
    with the next conversation when the same command is given again.

        duotempo recall locomo10.json --model http://localhost:11434/v1 --served llama3.2

        duotempo recall longmemeval_s.json --limit 20

    Parameters
    ----------
    file
        locomo10.json or a file of LongMemEval, as published; see the page on evaluating memory.
    budget
        Tokens of the memory, and of what is looked up in its place.
    limit
        Take the first conversations only; LongMemEval has one for each question.
    out
        Folder of the run; runs/recall-FILE when left out.
    """
    import torch  # noqa: PLC0415 - takes seconds

    from duotempo.converse.evaluate import Plan, load, run  # noqa: PLC0415 - loads a database
    from duotempo.converse.invented import Invented, questions  # noqa: PLC0415 - the same
    from duotempo.converse.probes import cloze  # noqa: PLC0415 - the same
    from duotempo.reader.memory_models import memory_model  # noqa: PLC0415 - imports torch

    path = Path(file).expanduser()
    talks = load(path)
    if common.threads:
        torch.set_num_threads(common.threads)
    folder = out or Path("runs") / f"recall-{path.stem}"
    about = {"data": sha256(path.read_bytes()).hexdigest(), "model": talker.model}
    about |= {"served": talker.served or "", "language": talker.language}
    about |= {"context": str(talker.context)} if talker.context else {}
    plan = Plan(about, budget, common.seed, limit)
    with telling(common.quiet) as tell:
        model = memory_model(talker.model, talker.served, talker.language, tell, talker.context)
        prober = questions if isinstance(model, Invented) else cloze
        cells = run(talks, model, folder, plan, prober, tell)
    if common.json:
        show_json({"folder": str(folder), "cells": [asdict(cell) for cell in cells]})
        return
    for name, scores in TABLES:
        show_columns((name, "n", *scores), table(cells, scores))
    (kept,) = (cell for cell in cells if cell.score == "has a memory")
    say(f"memories: {round(kept.mean * kept.count)} of {kept.count} conversations have one")
    say(f"mean, 95 % Wilson interval; every answer and score: {folder}")


def table(cells: Sequence[Cell], scores: Sequence[str]) -> list[list[str]]:
    """A line for each arm and kind of question, and number of them, that has one of the scores; a
    column for each score."""
    lines: dict[tuple[str, int], dict[str, Cell]] = {}
    for cell in cells:
        if cell.score in scores:
            lines.setdefault((f"{cell.arm}, {cell.kind}", cell.count), {})[cell.score] = cell
    return [
        [name, str(count), *(shown(found.get(score)) for score in scores)]
        for (name, count), found in lines.items()
    ]


def shown(cell: Cell | None) -> str:
    """A mean with its interval."""
    return f"{cell.mean:.2f} ({cell.low:.2f}-{cell.high:.2f})" if cell else ""
