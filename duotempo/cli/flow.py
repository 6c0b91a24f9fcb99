"""`duotempo flow`: where a model's answers come from, and what changed between two models."""

import json
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from duotempo.cli.common import USUAL, Common, Flag
from duotempo.cli.console import say, show_json, show_text, telling
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
    page: Path | None = None,
    common: Common = USUAL,
) -> None:
    """Say where answers came from: the context, a store, persistent or latent slots, the weights.

    Asked by taking the state of a channel from a twin document whose facts have other answers, by
    shares of the margin, by a lens over depth and by asking in other contexts. Rows that do not
    apply are left out or say none. What is said holds for this model on these probes.

        duotempo flow

        duotempo flow smollm2 --probes facts.jsonl --save smollm2.json

        duotempo flow needle --documents 2 --page needle.html

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
    page
        A file for the report as one HTML page with figures, which needs no other file.
    """
    prepare(common)
    from duotempo.flow import Made, as_dict, read_facts, tables  # noqa: PLC0415 - imports torch
    from duotempo.flow.tables import text  # noqa: PLC0415 - imports torch
    from duotempo.study.flow_page import flow_page  # noqa: PLC0415 - imports torch

    _can_write(save, page)
    facts = None if probes is None else read_facts(probes)
    with telling(common.quiet) as tell:
        made = _made(model, facts or Made(documents, seed=common.seed), edits, tell)
    made = replace(made, command=_command())
    if save is not None:
        _write(save, json.dumps(as_dict(made), indent=2) + "\n")
    if page is not None:
        _write(page, flow_page(made))
    if common.json:
        show_json(as_dict(made))
    else:
        show_text(text(tables(made)) + "\n\n" + "\n".join(made.notes))


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


def _made(model: str, facts: Any, edits: bool, tell: Tell) -> Any:
    """The report on a model that is asked some facts, or drawn ones: of stores where it has any."""
    from duotempo.flow import Made, encoded, report  # noqa: PLC0415 - imports torch
    from duotempo.flow.subject import lasting  # noqa: PLC0415 - imports torch

    found = _opened(model, tell)
    if isinstance(facts, Made):
        store = bool(lasting(found.subject))
        facts = replace(facts, between=found.between, store=store).facts()
    asked, begun = [encoded(fact, found.encode) for fact in facts], time.perf_counter()
    edited = _edited(found, facts, tell) if edits else ()
    name = _told(found.name)
    made = report(found.subject, asked, name, edits=edited, word=found.word, tell=tell)
    return replace(made, seconds=time.perf_counter() - begun)


def _command() -> str:
    """The line that was given, as a shell would take it."""
    return _told(shlex.join(["duotempo", *sys.argv[1:]]))


def _told(name: str) -> str:
    """A name as text: bytes of a path that are none are written as numbers."""
    return name.encode(errors="backslashreplace").decode()


def _can_write(*paths: Path | None) -> None:
    """Refuse a path that cannot be a file before there is a report that would be lost."""
    for path in paths:
        if path is None:
            continue
        if path.is_dir():
            raise UserError(f"{path} is a folder: give a file in it")
        folder = next(one for one in path.absolute().parents if one.exists())
        if not folder.is_dir():
            raise UserError(f"cannot write {path} ({folder} is a file): choose another folder")


def _write(path: Path, text: str) -> None:
    write_text(path, text)
    say(f"saved {path}")


def _edited(found: Any, facts: Any, tell: Any) -> Any:
    """Editability over the facts that have a rival; what several facts ask is edited once."""
    import torch  # noqa: PLC0415 - takes seconds

    from duotempo.flow import edit_of, editability, operators  # noqa: PLC0415 - imports torch

    by_question = {fact.questions[0]: fact for fact in reversed(facts) if fact.rival}
    told = [edit_of(fact, found.encode) for fact in reversed(by_question.values())]
    plain = torch.tensor(list(found.encode(PLAIN)))
    ways = operators(found.subject, [plain, *(edit.statement for edit in told)])
    return editability(found.subject, told, ways, plain, tell=tell)


def diff(before: Path, after: Path, /, *, page: Path | None = None, common: Common = USUAL) -> None:
    """Compare two reports: what changed when a store was added, say.

    Every number of the summaries, before and after; none where a report does not have it.

        duotempo flow diff without.json with.json --page diff.html

    Parameters
    ----------
    before
        A report that `duotempo flow --save` wrote.
    after
        Another one.
    page
        A file for the comparison as one HTML page with figures, which needs no other file.
    """
    prepare(common)
    from duotempo.flow import as_dict, changes, read_report  # noqa: PLC0415 - imports torch
    from duotempo.flow.tables import changed, text  # noqa: PLC0415 - imports torch
    from duotempo.study.flow_diff import diff_page, unlike  # noqa: PLC0415 - imports torch

    _can_write(page)
    old, new = read_report(before), read_report(after)
    found = changes(as_dict(old), as_dict(new))
    if page is not None:
        _write(page, diff_page(old, new, _command()))
    notes = [note for note in [unlike(old, new)] if note]
    if common.json:
        rows = [{"name": c.name, "before": c.before, "after": c.after} for c in found]
        show_json({"changes": rows, "notes": notes})
        return
    show_text("\n\n".join([text([changed(found)]), *notes]))
