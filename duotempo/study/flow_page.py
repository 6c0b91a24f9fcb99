"""The page of `duotempo flow`: every figure and table of a report, in the order to read them."""

from collections.abc import Iterator, Sequence

from duotempo.flow.estimate import Estimate
from duotempo.flow.report import Report
from duotempo.flow.swap import AS_IT_IS
from duotempo.flow.tables import Grid, number, tables
from duotempo.study.chart import visible
from duotempo.study.flow_figures import bars, matrix, trail, waterfall
from duotempo.study.page import Block, Code, Folded, Heading, Prose, Table, page

LONG = 10
"""Rows of a table beyond which it is folded."""


def flow_page(found: Report) -> str:
    """The page as one HTML document that needs no other file; every text of it is escaped."""
    grids = {grid.title.split(" (")[0]: grid for grid in tables(found)}
    swapped = [grids.pop("Causal matrix"), grids.pop("Source certificate")]
    shared = [grids.pop("Source shares of the margin")]
    shared += [grids.pop(name) for name in ("Written because of another",) if name in grids]
    rise = grids.pop("Emergence by depth")
    blocks: list[Block] = [
        *opening(found),
        Heading("Whom the answer follows"),
        matrix(found),
        *(block for grid in swapped for block in part(grid)),
        Heading("What adds up to the answer"),
        bars(found),
        *(block for grid in shared for block in part(grid)),
        *_waterfalls(found),
        Heading("When the answer appears"),
        *part(rise),
        *_trails(found),
        *(block for grid in grids.values() for block in (Heading(grid.title), table(grid))),
    ]
    return page(f"Where the answers of {visible_name(found.model)} came from", blocks)


def visible_name(name: str) -> str:
    """A name without signs that cannot be printed."""
    return " ".join(visible(part) for part in name.split(" "))


def opening(found: Report) -> Iterator[Block]:
    """What was asked of whom, what came of it class by class, and what to keep in mind."""
    count = sum(found.facts.values())
    stores = ", ".join(found.stores) or "none"
    yield Prose(
        f"Model: {visible_name(found.model)}. Facts asked: {count} "
        f"({', '.join(f'{kind} {n}' for kind, n in found.facts.items())}). "
        f"Parts of its state: {stores}. It took {found.seconds:.0f} seconds."
    )
    if found.command:
        yield Code(found.command)
    yield _verdicts(found)
    yield Prose("\n\n".join(found.notes))


def _verdicts(found: Report) -> Table:
    """The certificate in a line a class."""
    plain = {row.kind: row for row in found.swap if row.how == AS_IT_IS}
    rows = []
    for kind, count in found.facts.items():
        own = [one for one in found.certificates if one.kind == kind]
        names = [
            ", ".join(one.group for one in own if getattr(one, what)) or "none"
            for what in ("needed", "enough")
        ]
        right = number(plain[kind].keep) if kind in plain else "none"
        rows.append((kind, str(count), tied(right), *names))
    head = ("class", "facts", "right", "needed", "enough")
    return Table(
        head,
        rows,
        "Needed: without it answers are no better than chance. Enough: more than 0.9 of the "
        "answers follow it to the twin, the same document with other answers.",
    )


def part(grid: Grid) -> Iterator[Block]:
    """A table of the terminal's report under its title; the title of a folded one is outside."""
    if len(grid.rows) <= LONG:
        yield Heading(grid.title, 3)
    yield table(grid)


def table(grid: Grid) -> Block:
    """A table of the terminal's report; a long one is folded."""
    rows = [tuple(map(tied, row)) for row in grid.rows]
    if len(rows) > LONG:
        return Folded(f"{grid.title}: {len(rows)} rows", [Table(grid.head, rows)])
    return Table(grid.head, rows)


def tied(text: str) -> str:
    """A cell whose interval stays in one piece."""
    return text.replace(", ", ",\N{NO-BREAK SPACE}") if text.endswith("]") else text


def _waterfalls(found: Report) -> Iterator[Block]:
    """Class by class; nothing where direct parts are refused."""
    for kind in found.facts:
        steps = [row for row in found.shares.steps if row.kind == kind]
        if not steps:
            continue
        yield waterfall(found, kind)
        rows = [(row.place.name, row.place.channel, _cell(row.value)) for row in steps]
        head = ("write", "channel", "toward the answer, logits")
        yield Folded(f"The steps of {kind} as numbers", [Table(head, rows)])


def _cell(found: Estimate) -> str:
    return tied(number(found))


def _trails(found: Report) -> Iterator[Block]:
    """The example of each class, and its last token in numbers."""
    for one in found.trails:
        yield trail(found, one)
        rows: Sequence[Sequence[str]] = [
            (place.name, visible(top[-1]), f"{rank[-1]:,}", f"{probability[-1]:.3g}")
            for place, top, rank, probability in zip(
                one.places, one.top, one.rank, one.probability, strict=True
            )
        ]
        head = ("write", "likeliest word", "rank of the answer", "its probability")
        title = f"{one.kind}: the question's last token as numbers"
        yield Folded(title, [Table(head, rows)])
