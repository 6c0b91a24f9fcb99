"""The flow report: all instruments over one model's probes, as tables, as JSON, and compared."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import torch

from duotempo.core import Tell, UserError, silent
from duotempo.flow.cases import Case, cases
from duotempo.flow.contextuality import Contextuality, contextuality
from duotempo.flow.editability import EditRow
from duotempo.flow.emergence import Emergence, emergence
from duotempo.flow.estimate import FEW, Estimate
from duotempo.flow.probe import Probe, kinds_of
from duotempo.flow.shares import Shares, shares
from duotempo.flow.subject import Subject, lasting
from duotempo.flow.sufficiency import Sufficiency, sufficiency
from duotempo.flow.swap import Certificate, SwapRow, certificates, swap
from duotempo.flow.trail import Trail, Word, trails

KIND = "flow"
"""What a report on disk says it is."""
SAID = 4
"""Tokens that are said to see whether the state is in the stream."""


@dataclass(frozen=True)
class Report:
    """What all instruments found; `notes` are sentences that a reader of the numbers needs, and
    `command` is the line it was made with, if any."""

    model: str
    facts: Mapping[str, int]
    stores: tuple[str, ...]
    swap: tuple[SwapRow, ...]
    certificates: tuple[Certificate, ...]
    shares: Shares
    emergence: Emergence
    contextuality: Contextuality
    sufficiency: Sufficiency | None
    edits: tuple[EditRow, ...]
    notes: tuple[str, ...]
    seconds: float
    trails: tuple[Trail, ...] = ()
    command: str = ""


@torch.no_grad()
def report(
    subject: Subject,
    probes: Sequence[Probe],
    name: str,
    *,
    edits: Sequence[EditRow] = (),
    word: Word = str,
    tell: Tell = silent,
) -> Report:
    """Every instrument over some probes, tokens being named by `word` (by number when left out).
    Raises `UserError` where none can be asked."""
    begun = time.perf_counter()
    ready = cases(subject, probes, tell)
    if not ready:
        raise UserError(
            "all facts are of the class 'store' and this model has no store: add facts of another"
        )
    rows, found = swap(subject, ready, tell), shares(subject, ready, tell=tell)
    read = trails(subject, ready, word)
    return Report(
        name,
        {kind: sum(p.kind == kind for p in probes) for kind in kinds_of(probes)},
        subject.stores,
        rows,
        certificates(rows, ready),
        found,
        emergence(subject, ready, tell),
        contextuality(subject, ready, tell),
        _state(subject, ready),
        tuple(edits),
        tuple(_notes(subject, probes, ready, found)),
        time.perf_counter() - begun,
        read,
    )


def _state(subject: Subject, ready: Sequence[Case]) -> Sufficiency | None:
    """State sufficiency of the first question about a document, met in that document's state."""
    for case in ready:
        tokens = case.probe.question.tokens
        if case.probe.kind != "weights" and len(tokens) > 1:
            return sufficiency(subject, tokens, case.own, tokens=SAID)
    return None


def _notes(
    subject: Subject, probes: Sequence[Probe], ready: Sequence[Case], found: Shares
) -> Iterator[str]:
    if not lasting(subject):
        yield "This model has no store: its rows say none, and the context stands in its place."
    if len(ready) < len(probes):
        yield f"{len(probes) - len(ready)} facts of the class store were not asked."
    if found.refused:
        yield f"Shares: {found.refused}."
    if found.mixed:
        yield (
            "Some layers join channels by more than a sum: what they write is mixed, and only "
            "totals, by swapping states, tell the channels apart."
        )
    few = [kind for kind in kinds_of(probes) if sum(p.kind == kind for p in probes) < FEW]
    if few:
        yield f"Fewer than {FEW} facts of {', '.join(few)}: their intervals are too narrow."
    yield "All of this describes this model on these probes."


def plain(value: Any) -> Any:
    """A result as plain values for JSON: rows by field, estimates with value, low, high, n."""
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def summary(found: Report) -> dict[str, float]:
    """The numbers that two reports are compared by, under names like "share/far/memory.1"."""
    values: dict[str, float | None] = {}
    for row in found.swap:
        where = f"{row.kind}/{' + '.join(row.groups) or 'all'}"
        if row.how == "as it is":
            values[f"right/{row.kind}"] = _value(row.keep)
            values[f"said/{row.kind}"] = _value(row.said_keep)
        if row.how == "rival":
            values[f"follow/{where}"] = _value(row.follow)
    for share in found.shares.rows:
        values[f"share/{share.kind}/{share.group}"] = share.share
        values[f"direct/{share.kind}/{share.group}"] = _value(share.direct)
    for rise in found.emergence.rows:
        values[f"settling/{rise.kind}"] = _value(rise.settling)
        values[f"step/{rise.kind}"] = _value(rise.step)
    for one in found.contextuality.rows:
        values[f"spread/{one.kind}"] = _value(one.spread)
    for sway in found.contextuality.sways:
        values[f"swayed/{sway.kind}/{sway.where}"] = _value(sway.follow)
    for edit in found.edits:
        values[f"edit/{edit.operator}/{edit.count}"] = edit.headline
    return {name: value for name, value in values.items() if value is not None}


def _value(found: Estimate | None) -> float | None:
    return None if found is None else found.value


def as_dict(found: Report) -> dict[str, Any]:
    """A report for a JSON file, with its summary."""
    return {"kind": KIND, "summary": summary(found), **plain(found)}


@dataclass(frozen=True)
class Change:
    """One number of two reports; None where one of them has none."""

    name: str
    before: float | None
    after: float | None

    @property
    def by(self) -> float | None:
        """How much it changed."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    """What changed between two reports' dictionaries, in the order of their names.

    Raises `UserError` for what is no report.
    """
    both = []
    for one in (before, after):
        found = one.get("summary")
        if one.get("kind") != KIND or not isinstance(found, Mapping):
            raise UserError("this is no flow report: give files that `duotempo flow` wrote")
        both.append(found)
    names = sorted({*both[0], *both[1]})
    return tuple(Change(name, both[0].get(name), both[1].get(name)) for name in names)
