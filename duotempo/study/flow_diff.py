"""The page of `duotempo flow diff`: two reports before and after, the largest changes first."""

from collections.abc import Iterator, Sequence

from duotempo.flow.report import Change, Report, as_dict, changes
from duotempo.flow.tables import changed
from duotempo.study.chart_bars import Pair, Pairs
from duotempo.study.flow_page import visible_name
from duotempo.study.page import Block, Code, Heading, Prose, Table, page

MOST = 20
"""Pairs in one figure."""


def diff_page(before: Report, after: Report, command: str = "") -> str:
    """The page as one HTML document that needs no other file; every text of it is escaped."""
    found = changes(as_dict(before), as_dict(after))
    numbers = changed(found)
    blocks: list[Block] = [
        *_opening(before, after, command),
        Heading("What is right, and whom answers follow"),
        *_pairs(found, ("right", "said", "follow"), RIGHT),
        Heading("Source shares"),
        *_pairs(found, ("share",), SHARE),
        *_pairs(found, ("direct",), DIRECT),
        Heading(numbers.title),
        Table(numbers.head, numbers.rows),
    ]
    names = [visible_name(one.model) for one in (before, after)]
    return page(f"What changed from {names[0]} to {names[1]}", blocks)


RIGHT = (
    "What is answered right, and what follows the twin",
    "share of the facts",
    "right: chosen among the candidates. said: spoken freely. follow: takes the twin's answer when "
    "this part of the state is the twin's.",
)
SHARE = (
    "Shares of the margin by what it is owed to",
    "share of the sum of totals",
    "Below zero or above one where groups work against each other.",
)
DIRECT = (
    "Direct parts, to be read beside the shares",
    "logits",
    "Who wrote the answer's direction, whoever knew it.",
)


def unlike(before: Report, after: Report) -> str:
    """A sentence where the two were not asked the same, by the count of facts and the first fact of
    each class, which is all that a report says of them; empty where they were."""
    what, again = "", _first(after)
    if before.facts != after.facts:
        what = "number of facts of each class"
    elif any(first != again.get(kind, first) for kind, first in _first(before).items()):
        what = "facts"
    if not what:
        return ""
    return (
        f"The two were not asked the same {what}: a difference may be one of the facts and not of "
        "the models."
    )


def _first(found: Report) -> dict[str, str]:
    return {one.kind: one.fact for one in found.trails}


def _opening(before: Report, after: Report, command: str) -> Iterator[Block]:
    rows = [
        (
            when,
            visible_name(one.model),
            ", ".join(f"{kind} {count}" for kind, count in one.facts.items()),
            ", ".join(one.stores) or "none",
            f"{one.seconds:.0f}",
        )
        for when, one in (("before", before), ("after", after))
    ]
    yield Table(("report", "model", "facts asked", "parts of its state", "seconds"), rows)
    lines = [line for line in (before.command, after.command, command) if line]
    if lines:
        yield Code("\n".join(lines))
    if other := unlike(before, after):
        yield Prose(other)
    notes = [
        f"{when}: {note}"
        for when, one in (("Before", before), ("After", after))
        for note in one.notes[:-1]
    ]
    yield Prose("\n\n".join([*notes, "All of this describes these models on these probes."]))


def _pairs(
    found: Sequence[Change], heads: Sequence[str], said: tuple[str, str, str]
) -> Iterator[Block]:
    """The figure of some numbers; nothing where neither report has one."""
    own = [change for change in found if change.name.split("/")[0] in heads]
    if not own:
        return
    ranked = sorted(own, key=lambda change: (change.by is None, -abs(change.by or 0.0)))
    title, unit, caption = said
    left = len(ranked) - MOST
    more = f" {left} more stand in the table." if left > 0 else ""
    words = [f"{c.name}: {_word(c.before)} before, {_word(c.after)} after" for c in ranked[:5]]
    yield Pairs(
        title,
        f"The largest changes. {'; '.join(words)}. All numbers stand in the table below.",
        f"{caption}{more}",
        unit,
        tuple(Pair(c.name, c.before, c.after) for c in ranked[:MOST]),
    )


def _word(value: float | None) -> str:
    return "none" if value is None else f"{value:.2f}"
