"""`duotempo flow`: where a model's answers come from, and what changed between two models."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from duotempo.cli.common import USUAL, Common, Flag
from duotempo.cli.console import say, show_columns, show_json, show_text, telling
from duotempo.cli.living import attached_subject, prepare
from duotempo.core import Tell, UserError
from duotempo.core.files import write_text
from duotempo.core.state_folder import NATIVE, kind_of

PLAIN = "The road went on along the river for a while. It rained in the morning."
"""What is read to see whether an edit lasts, and whether it is heard where it should not be."""


def flow(
    model: str = "smollm2",
    /,
    *,
    probes: Path | None = None,
    documents: Annotated[int, Parameter(validator=Number(gte=1))] = 3,
    edits: Flag = False,
    save: Path | None = None,
    common: Common = USUAL,
) -> None:
    """Say where answers came from: the context, a store, persistent or latent slots, the weights.

    Asked by taking the state of a channel from a twin document whose facts have other answers, by
    shares of the margin, by a lens over depth and by asking in other contexts. Rows that do not
    apply are left out or say none. What is said holds for this model on these probes.

        duotempo flow

        duotempo flow smollm2 --probes facts.jsonl --save smollm2.json

        duotempo flow needle --documents 2 --json

        duotempo flow diary.state --documents 1

    Parameters
    ----------
    model
        smollm2, needle, a folder, a hub id, the folder of a native model or of a run, or what
        `duotempo read --save` saved: then documents are read and slept on as that reader does.
    probes
        A file of facts, one JSON object a line, or CounterFact's records; invented facts and some
        that weights may know are asked when left out.
    documents
        Documents of invented facts, eight facts each, when no file is given.
    edits
        Also write facts into context, stores and weights and see what else changes; takes long.
    save
        A file for the report as JSON, to be compared by `duotempo flow diff`.
    """
    prepare(common)
    from duotempo.flow import Made, as_dict, encoded, read_facts, report, tables  # noqa: PLC0415 - imports torch
    from duotempo.flow.subject import lasting  # noqa: PLC0415 - imports torch

    facts = None if probes is None else read_facts(probes)
    with telling(common.quiet) as tell:
        found = _opened(model, tell)
        if facts is None:
            store = bool(lasting(found.subject))
            made_of = Made(documents, between=found.between, store=store, seed=common.seed)
            facts = made_of.facts()
        asked = [encoded(fact, found.encode) for fact in facts]
        edited = _edited(found, facts, tell) if edits else ()
        made = report(found.subject, asked, found.name, edits=edited, tell=tell)
    if save is not None:
        write_text(save, json.dumps(as_dict(made), indent=2) + "\n")
        say(f"saved {save}")
    if common.json:
        show_json(as_dict(made))
    else:
        _show(tables(made), made.notes)


def _opened(model: str, tell: Tell) -> Any:
    """A saved reader, or a model by name."""
    kind = kind_of(Path(model))
    if kind == NATIVE:
        raise UserError(
            f"{model} is the state of a native model: give the folder of the model itself, whose "
            "memories flow reads as they are"
        )
    if kind is not None:
        return attached_subject(Path(model), tell)
    from duotempo.flow.opening import open_subject  # noqa: PLC0415 - imports torch

    return open_subject(model, tell)


def _show(grids: Any, notes: Sequence[str]) -> None:
    for grid in grids:
        show_text(grid.title)
        show_columns(grid.head, grid.rows)
    show_text("\n".join(notes))


def _edited(found: Any, facts: Any, tell: Any) -> Any:
    """Editability over the facts that have a rival."""
    import torch  # noqa: PLC0415 - takes seconds

    from duotempo.flow import edit_of, editability, operators  # noqa: PLC0415 - imports torch

    told = [edit_of(fact, found.encode) for fact in facts if fact.rival]
    plain = torch.tensor(list(found.encode(PLAIN)))
    ways = operators(found.subject, [plain, *(edit.statement for edit in told)])
    return editability(found.subject, told, ways, plain, tell=tell)


def diff(before: Path, after: Path, /, *, common: Common = USUAL) -> None:
    """Compare two reports: what changed when a store was added, say.

    Every number of the summaries, before and after; none where a report does not have it.

        duotempo flow diff without.json with.json

    Parameters
    ----------
    before
        A report that `duotempo flow --save` wrote.
    after
        Another one.
    """
    prepare(common)
    from duotempo.flow import changes  # noqa: PLC0415 - imports torch
    from duotempo.flow.tables import number  # noqa: PLC0415 - imports torch

    found = changes(_report(before), _report(after))
    if common.json:
        show_json(
            {"changes": [{"name": c.name, "before": c.before, "after": c.after} for c in found]}
        )
        return
    rows = [(c.name, number(c.before), number(c.after), number(c.by)) for c in found]
    show_columns(("number", "before", "after", "by"), rows)


def _report(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"cannot read {path} ({error}): give a file of --save") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no flow report: give a file of --save")
    return found
