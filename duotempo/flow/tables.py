"""A flow report as tables of words and numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from duotempo.flow.estimate import Estimate
from duotempo.flow.report import Change, Report
from duotempo.flow.swap import AS_IT_IS, SwapRow


@dataclass(frozen=True)
class Grid:
    """A table: title, head, rows of text. The first columns are words."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def tables(found: Report) -> tuple[Grid, ...]:
    """Every table of a report that has rows; what does not apply is "none"."""
    made = (_swap(found), _sure(found), _shares(found), _mediated(found), _rise(found))
    more = (_context(found), _sway(found), _state(found), _edits(found))
    return tuple(grid for grid in (*made, *more) if grid.rows)


def number(found: Estimate | float | None) -> str:
    """A number for a cell, an estimate with its interval."""
    if found is None:
        return "none"
    if isinstance(found, Estimate):
        return f"{_short(found.value)} [{_short(found.low)}, {_short(found.high)}]"
    return _short(found)


def _short(value: float) -> str:
    return "0" if abs(value) < 5e-4 else f"{value:.3g}" if abs(value) < 0.1 else f"{value:.2f}"


def _swap(found: Report) -> Grid:
    def name(row: SwapRow) -> str:
        return " + ".join(row.groups) if row.groups else AS_IT_IS

    head = ("class", "without", "how", "keep", "follow", "margin", "said keep", "said follow")
    rows = [
        (
            row.kind,
            name(row),
            row.how if row.groups else "",
            *map(number, (row.keep, row.follow, row.margin, row.said_keep, row.said_follow)),
        )
        for row in sorted(found.swap, key=lambda row: list(found.facts).index(row.kind))
        if row.margin is not None
    ]
    return Grid("Causal matrix (rival: the state of a twin with other answers)", head, tuple(rows))


def _sure(found: Report) -> Grid:
    words = {True: "yes", False: "no", None: "none"}
    rows = [(c.kind, c.group, words[c.needed], words[c.enough]) for c in found.certificates]
    head = ("class", "group", "needed", "enough")
    return Grid("Source certificate", head, tuple(sorted(rows)))


def _shares(found: Report) -> Grid:
    head = ("class", "group", "direct", "total", "share", "relayed")
    rows = [
        (r.kind, r.group, *map(number, (r.direct, r.total, r.share, r.relayed)))
        for r in found.shares.rows
    ]
    return Grid("Source shares of the margin", head, tuple(rows))


def _mediated(found: Report) -> Grid:
    rows = [(r.kind, r.source, r.through, number(r.value)) for r in found.shares.mediated]
    return Grid("Written because of another", ("class", "source", "through", "part"), tuple(rows))


def _rise(found: Report) -> Grid:
    head = ("class", "settles", "after write", "step share", "largest jump")
    rows = []
    for row in found.emergence.rows:
        jumps = ", ".join(f"{name} {share:.0%}" for name, share in row.jumps.items()) or "none"
        rows.append((row.kind, *map(number, (row.settles, row.settling, row.step)), jumps))
    return Grid("Emergence by depth", head, tuple(rows))


def _context(found: Report) -> Grid:
    head = ("class", "spread", "flips", "by context", "by wording", "rest")
    rows = [
        (r.kind, *map(number, (r.spread, r.flips, r.context, r.wording, r.rest)))
        for r in found.contextuality.rows
        if r.spread is not None
    ]
    return Grid("Contextuality (the last three: variance of the margin)", head, tuple(rows))


def _sway(found: Report) -> Grid:
    head = ("class", "said", "KL", "follows", "keeps")
    rows = [
        (r.kind, r.where, *map(number, (r.kl, r.follow, r.keep)))
        for r in found.contextuality.sways
        if r.kl is not None
    ]
    return Grid("When the text says otherwise", head, tuple(rows))


def _state(found: Report) -> Grid:
    if found.sufficiency is None:
        return Grid("", (), ())
    ways = [(way.name, way) for way in found.sufficiency.ways]
    ways += [(f"{way.name} of before emptied", way) for way in found.sufficiency.outside]
    rows = [(n, "yes" if w.same else "no", f"{w.kl:.1e}", f"{w.most:.1e}") for n, w in ways]
    head = ("decoded", "same tokens", "KL", "largest KL")
    return Grid("State sufficiency (one question, beside the cache)", head, tuple(rows))


def _edits(found: Report) -> Grid:
    head = ("operator", "edits", "headline", "said", "paraphrase", "neighbours", "same subject")
    rows = [
        (
            r.operator,
            str(r.count),
            *map(number, (r.headline, r.said, r.paraphrase, r.neighbours, r.same_subject)),
        )
        for r in found.edits
    ]
    return Grid("Editability", head, tuple(rows))


def changed(found: Sequence[Change]) -> Grid:
    """Two reports side by side; "none" where one of them has no such number."""
    rows = [(c.name, number(c.before), number(c.after), number(c.by)) for c in found]
    return Grid("All numbers", ("number", "before", "after", "by"), tuple(rows))


def text(grids: Sequence[Grid]) -> str:
    """Tables as plain text, columns aligned."""
    return "\n\n".join("\n".join(_lines(grid)) for grid in grids)


def _lines(grid: Grid) -> Iterator[str]:
    yield grid.title
    columns = list(zip(grid.head, *grid.rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    for row in (grid.head, *grid.rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
