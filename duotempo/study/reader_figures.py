"""What the reader's rows look like: loss over no memory against passes, with the guard's pick."""

from collections.abc import Sequence
from statistics import fmean

from duotempo.study.base import Figure, Mark, Point, Row, Series
from duotempo.study.documents import KINDS
from duotempo.study.reader_claims import Table, gains
from duotempo.study.stats import interval


def figures(rows: Sequence[Row]) -> list[Figure]:
    """The inverted U, recall, and the diaries' text that follows; each against passes."""
    table = Table.of(rows)
    arms = [f"weights {kind}" for kind in KINDS if table.seeds(f"weights {kind}")]
    return [
        figure for arm in arms for figure in (_next_figure(table, arm), _recall_figure(table, arm))
    ]


def _points(table: Table, arm: str, name: str, voice: str) -> Series:
    """Gain over no memory against passes, at the N where every document was measured."""
    seeds = table.seeds(arm)
    common = set.intersection(*(set(table.passes(arm, s)) for s in seeds))
    points = [Point(0.0, 0.0, 0.0, 0.0)]
    for n in sorted(common - {0}):
        change = [
            table.at(arm, f"{name}.{voice}", s, n) - table.at(arm, f"{name}.none", s, 0)
            for s in seeds
        ]
        points.append(Point(n, *interval(change)))
    return Series("state alone" if voice == "alone" else "mixed", tuple(points))


def _full(table: Table, arm: str, name: str, last: float) -> tuple[Series, ...]:
    won = [-whole for _, whole in gains(table, arm, name, lambda s: 0.0)]
    if not won:
        return ()
    mean, low, high = interval(won)
    ends = (Point(0.0, mean, low, high), Point(last, mean, low, high))
    return (Series("full context", ends, "dashed"),)


def _next_figure(table: Table, arm: str) -> Figure:
    alone, mixed = (_points(table, arm, "next", voice) for voice in ("alone", "mixed"))
    seeds = table.seeds(arm)
    picks = [table.pick(arm, "generate", s) for s in seeds]
    change = [
        table.kept(arm, "next", "generate", s) - table.at(arm, "next.none", s, 0) for s in seeds
    ]
    kind, last = arm.split()[-1], alone.points[-1]
    harmed = last.mean > 0
    title = (
        f"On {kind}, more passes help, then hurt; mixed with the untouched model they never do"
        if harmed
        else f"On {kind}, sleep wins most of what full context would"
    )
    return Figure(
        title=title,
        x_label="passes N over the evicted text",
        y_label="text that follows: loss over no memory (bits/token)",
        series=(alone, mixed, *_full(table, arm, "next", last.x)),
        marks=(Mark(fmean(picks), fmean(change), f"guard's pick, mean N={fmean(picks):.1f}"),),
        caption=f"{_documents(seeds)}, three continuations each. Below 0 helps.",
    )


def _recall_figure(table: Table, arm: str) -> Figure:
    alone, mixed = (_points(table, arm, "recall", voice) for voice in ("alone", "mixed"))
    kind = arm.split()[-1]
    return Figure(
        title=f"Recall of evicted {kind} rises with every pass",
        x_label="passes N over the evicted text",
        y_label="evicted passages: loss over no memory (bits/token)",
        series=(alone, mixed, *_full(table, arm, "recall", alone.points[-1].x)),
        caption=f"{_documents(table.seeds(arm))}, five passages each.",
    )


def _documents(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return "One document, so no interval"
    return f"{len(seeds)} documents, 95 % bootstrap over them"
