"""A page of blocks: one HTML file that needs no other, in light and dark, on phone and paper."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal

from duotempo.study.base import Figure
from duotempo.study.chart import Chart
from duotempo.study.figure import NARROW, WIDE, svg
from duotempo.study.style import STYLE

Tone = Literal["plain", "good", "bad"]


@dataclass(frozen=True)
class Heading:
    """A heading within the page; one of level 3 stands within a part."""

    text: str
    level: Literal[2, 3] = 2


@dataclass(frozen=True)
class Prose:
    """Running text; an empty line parts paragraphs."""

    text: str


@dataclass(frozen=True)
class Code:
    """A command or a listing, shown as it is."""

    text: str


@dataclass(frozen=True)
class Quote:
    """What somebody, or a model, wrote: line breaks are kept. `source` says who."""

    text: str
    source: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a table that says by its colour, too, whether it is good or bad news."""

    text: str
    tone: Tone = "plain"


@dataclass(frozen=True)
class Table:
    """A table; columns of numbers are set to the right. One line of `head` for all columns."""

    head: Sequence[str]
    rows: Sequence[Sequence[str | Cell]]
    caption: str = ""


@dataclass(frozen=True)
class Folded:
    """Blocks that a reader unfolds: what is long, or says in numbers what a figure shows."""

    title: str
    blocks: Sequence["Block"]


Block = Heading | Prose | Code | Quote | Table | Figure | Chart | Folded

_ONE = r"[≥≤=<> ]*[-+−]?[\d.,]+(e[-+−]?\d+)?([ %×]?\S{0,8})?"
_NUMBER = re.compile(rf"{_ONE}( to {_ONE})?|[-–—]?")


def page(title: str, blocks: Sequence[Block]) -> str:
    """The page as one HTML document; every text is escaped, nothing is fetched."""
    body = "\n".join(_html(block, f"b{i}") for i, block in enumerate(blocks))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{escape(title)}</h1>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _html(block: Block, mark: str) -> str:
    match block:
        case Heading(text, level):
            return f"<h{level}>{escape(text)}</h{level}>"
        case Prose(text):
            parts = [part for part in re.split(r"\n\s*\n", text.strip()) if part]
            return "\n".join(f"<p>{escape(part)}</p>" for part in parts)
        case Code(text):
            return f"<pre><code>{escape(text)}</code></pre>"
        case Quote(text, source):
            by = f"<cite>{escape(source)}</cite>" if source else ""
            return f"<blockquote><p>{escape(text)}</p>{by}</blockquote>"
        case Table():
            return _table(block)
        case Figure():
            return _figure(block, [svg(block, f"{mark}-{f.name}", f) for f in (WIDE, NARROW)])
        case Chart():
            return _figure(block, [block.svg(form) for form in (WIDE, NARROW)])
        case Folded(title, blocks):
            inner = "\n".join(_html(one, f"{mark}-{i}") for i, one in enumerate(blocks))
            return f"<details>\n<summary>{escape(title)}</summary>\n{inner}\n</details>"


def _figure(figure: Figure | Chart, drawings: Sequence[str]) -> str:
    drawn = "\n".join(drawings)
    note = f"\n<p class=note>{escape(figure.caption)}</p>" if figure.caption else ""
    return f"<figure>\n<figcaption>{escape(figure.title)}</figcaption>\n{drawn}{note}\n</figure>"


def _table(table: Table) -> str:
    """A table; one of more than three columns becomes a list of cards on a phone."""
    rows = [[c if isinstance(c, Cell) else Cell(c) for c in row] for row in table.rows]
    right = [
        all(_NUMBER.fullmatch(row[i].text) for row in rows) and bool(rows)
        for i in range(len(table.head))
    ]
    head = "".join(
        f'<th scope="col"{" class=number" if r else ""}>{escape(name)}</th>'
        for name, r in zip(table.head, right, strict=True)
    )
    body = "\n".join("<tr>" + "".join(map(_cell, row, table.head, right)) + "</tr>" for row in rows)
    note = f"\n<p class=note>{escape(table.caption)}</p>" if table.caption else ""
    kind = " class=cards" if len(table.head) > 3 else ""
    return (
        f"<div class=scroll><table{kind}><thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody></table>{note}</div>"
    )


def _cell(cell: Cell, name: str, right: bool) -> str:
    classes = " ".join(["number"] * right + [cell.tone] * (cell.tone != "plain"))
    kind = f' class="{classes}"' if classes else ""
    return f'<td{kind} data-name="{escape(name)}">{escape(cell.text)}</td>'
