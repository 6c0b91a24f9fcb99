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
            table.at(arm, f"{name}.{voice}", s, n) - table.at(arm, f"{name}.none", s, 0.0)
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
        table.kept(arm, "next", "generate", s) - table.at(arm, "next.none", s, 0.0) for s in seeds
    ]
    return Figure(
        title=_next_title(table, arm, alone, mixed),
        x_label="passes N over the evicted text",
        y_label="text that follows: loss over no memory (bits/token)",
        series=(alone, mixed, *_full(table, arm, "next", alone.points[-1].x)),
        marks=(Mark(fmean(picks), fmean(change), f"guard's pick, mean N={fmean(picks):.1f}"),),
        caption=f"{_documents(seeds)}, three continuations each. Below 0 helps.",
    )


def _next_title(table: Table, arm: str, alone: Series, mixed: Series) -> str:
    """What was found: the harm of the last pass where there is one, else the gain."""
    kind, last = arm.split()[-1], alone.points[-1]
    if last.mean > 0:
        worst = max(point.mean for point in mixed.points[1:])
        mixed_says = "no N is" if worst <= 0 else f"the worst N is {worst:.2f} worse"
        return (
            f"On {kind}, N={last.x:g} alone is {last.mean:.2f} bits worse than no memory; "
            f"mixed, {mixed_says}"
        )
    pairs = gains(table, arm, "next", lambda s: table.kept(arm, "next", "generate", s))
    if not pairs:
        return f"On {kind}, sleep lowers the loss on the text that follows"
    share = sum(mine for mine, _ in pairs) / sum(whole for _, whole in pairs)
    return f"On {kind}, sleep at the guard's pick wins {share:.0%} of what full context wins"


def _recall_figure(table: Table, arm: str) -> Figure:
    alone, mixed = (_points(table, arm, "recall", voice) for voice in ("alone", "mixed"))
    kind, last = arm.split()[-1], alone.points[-1]
    return Figure(
        title=f"Passes bring evicted {kind} back: {-last.mean:.2f} bits at N={last.x:g}",
        x_label="passes N over the evicted text",
        y_label="evicted passages: loss over no memory (bits/token)",
        series=(alone, mixed, *_full(table, arm, "recall", last.x)),
        caption=f"{_documents(table.seeds(arm))}, five passages each.",
    )


def _documents(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return "One document, so no interval"
    return f"{len(seeds)} documents, 95 % bootstrap over them"
