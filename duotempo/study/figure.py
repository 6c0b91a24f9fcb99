"""Draws a figure as inline SVG whose colours are the page's: one drawing serves light and dark."""

import io
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FixedFormatter, FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from duotempo.study.base import Figure, Point, Series, Style
from duotempo.study.labels import GAPS, Box, free_place, spread

# Stand-ins that no other colour of the drawing has; the SVG gets the page's variables for them.
INK, SOFT, RULE, PAPER = "#010101", "#020202", "#030303", "#040404"
COLOURS = ("#0a0001", "#0a0002", "#0a0003", "#0a0004", "#0a0005", "#0a0006")
VARIABLES = {INK: "--ink", SOFT: "--soft", RULE: "--rule", PAPER: "--paper"} | {
    colour: f"--series-{i}" for i, colour in enumerate(COLOURS, start=1)
}
STROKES: dict[Style, str] = {"line": "-", "dashed": "--", "dotted": ":", "dots": "none"}


@dataclass(frozen=True)
class Format:
    """A size to draw at, in CSS pixels: text keeps its size, so that a phone shows it legibly."""

    name: str
    width: int
    height: int
    text: int
    label: int  # characters before the label of a series is wrapped


WIDE = Format("wide", 704, 372, 13, 22)
NARROW = Format("narrow", 352, 300, 12, 12)


def svg(figure: Figure, mark: str, form: Format) -> str:
    """The figure as an `<svg>` element for a page that defines the colour variables.

    `mark` begins every id in it and must be unique on the page, since pages share one id space.
    """
    settings = {
        "svg.fonttype": "none",
        "svg.hashsalt": mark,
        "font.size": form.text,
        "text.parse_math": False,  # a dollar sign in a label is a dollar sign
        "axes.unicode_minus": True,
    }
    with matplotlib.rc_context(settings):
        canvas = Canvas(figsize=(form.width / 72, form.height / 72), dpi=72)
        _draw(canvas, figure, form)
        out = io.StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        canvas.savefig(out, format="svg", transparent=True, metadata=nothing)
    return _inline(out.getvalue(), figure, mark, form)


def _draw(canvas: Canvas, figure: Figure, form: Format) -> None:
    names = [_wrap(s.name, form.label) for s in figure.series]
    longest = max((len(line) for name in names for line in name), default=0)
    top = _wrap(figure.y_label, int(form.width / form.text * 1.8))
    below = _wrap(figure.x_label, int(form.width / form.text * 1.6))
    line = form.text * 1.35
    left, right = 50, 18 + longest * form.text * 0.56
    bottom, head = 30 + line * len(below), 16 + line * len(top)
    w, h = form.width, form.height
    axes = canvas.add_axes((left / w, bottom / h, 1 - (left + right) / w, 1 - (bottom + head) / h))
    for i, series in enumerate(figure.series):
        _series(axes, series, COLOURS[i % len(COLOURS)])
    _frame(axes, figure, form, w - left - right)
    canvas.text(2 / w, 1 - 4 / h, "\n".join(top), ha="left", va="top", color=SOFT)
    middle = (left + (w - left - right) / 2) / w
    canvas.text(middle, 4 / h, "\n".join(below), ha="center", va="bottom", color=SOFT)
    _name(axes, figure.series, names, form)
    _marks(axes, figure, form)


def _series(axes: Axes, series: Series, colour: str) -> None:
    x, y = [p.x for p in series.points], [p.mean for p in series.points]
    low, high = [p.low for p in series.points], [p.high for p in series.points]
    if series.style == "dots":
        gaps = (
            [m - a for m, a in zip(y, low, strict=True)],
            [b - m for m, b in zip(y, high, strict=True)],
        )
        axes.errorbar(x, y, gaps, fmt="o", ms=6, color=colour, elinewidth=1.6, capsize=4, zorder=3)
        return
    axes.fill_between(x, low, high, color=colour, alpha=0.16, lw=0)
    dot = "o" if len(x) <= 16 and series.style != "dotted" else ""
    axes.plot(x, y, STROKES[series.style], marker=dot, ms=4, lw=2, color=colour, zorder=3)


def _frame(axes: Axes, figure: Figure, form: Format, width: float) -> None:
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(SOFT)
    axes.grid(axis="y", color=RULE, lw=1)
    axes.set_axisbelow(True)
    axes.tick_params(colors=SOFT, length=0, pad=6, labelsize=form.text)
    axes.tick_params(axis="x", length=4, width=1)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: number(y)))
    if figure.log_x:
        axes.set_xscale("log")
    axes.margins(x=0.03, y=0.08)
    low, high = axes.get_ylim()
    if low < 0 < high:
        axes.axhline(0, color=SOFT, lw=1, zorder=1)
    places = sorted({p.x for s in figure.series for p in s.points})
    if len(places) <= 12:
        kept = _apart(axes, places, form.text)
        axes.xaxis.set_major_locator(FixedLocator(kept))
        axes.xaxis.set_major_formatter(FixedFormatter([number(x) for x in kept]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: number(x)))


def _apart(axes: Axes, places: Sequence[float], text: int) -> list[float]:
    """Those measured places, from the right, whose tick labels do not touch."""
    kept: list[float] = []
    edge = float("inf")
    for x in reversed(places):
        middle, half = _pixel(axes, x, 0.0)[0], len(number(x)) * text * 0.3 + 3
        if middle + half < edge:
            kept.append(x)
            edge = middle - half
    return kept[::-1]


def _name(
    axes: Axes, series: Sequence[Series], names: Sequence[Sequence[str]], form: Format
) -> None:
    """Write each series' name beside its last point, pushed apart where they would overlap."""
    line, box = form.text * 1.2, _room(axes)
    ends = [s.points[-1] for s in series]
    wanted = [_pixel(axes, p.x, p.mean)[1] for p in ends]
    places = spread(wanted, [line * len(name) for name in names], box.y0 - 10, box.y1 + 10)
    for i, (end, name, y) in enumerate(zip(ends, names, places, strict=True)):
        x_end, y_end = _pixel(axes, end.x, end.mean)
        axes.annotate(
            "\n".join(name),
            xy=(x_end, y_end),
            xytext=(box.x1 + 6, y),
            xycoords="figure pixels",
            textcoords="figure pixels",
            va="center",
            color=COLOURS[i % len(COLOURS)],
            linespacing=1.15,
            arrowprops={"arrowstyle": "-", "color": COLOURS[i % len(COLOURS)], "lw": 0.8}
            if abs(y - y_end) > line / 2 or box.x1 - x_end > 24
            else None,
            annotation_clip=False,
        )


def _marks(axes: Axes, figure: Figure, form: Format) -> None:
    """Ring each mark and write its label where there is room, with a line to it when far off."""
    room = _room(axes)
    curves = [_pixel(axes, x, y) for s in figure.series for x, y in _dense(s.points)]
    rings = [_pixel(axes, mark.x, mark.y) for mark in figure.marks]
    labels = [Box(x - 8, y - 8, x + 8, y + 8) for x, y in rings]
    for mark, ring in zip(figure.marks, rings, strict=True):
        axes.plot([mark.x], [mark.y], "o", ms=11, mfc="none", mec=INK, mew=1.6, zorder=4)
        lines = _wrap(mark.label, form.label + 4)
        size = max(map(len, lines)) * form.text * 0.55, len(lines) * form.text * 1.25
        place = free_place(ring, size, room, curves, labels)
        labels.append(place)
        middle = (place.x0 + place.x1) / 2, (place.y0 + place.y1) / 2
        far = place.distance(ring) > 1.5 * GAPS[0]
        axes.annotate(
            "\n".join(lines),
            xy=ring,
            xytext=middle,
            xycoords="figure pixels",
            textcoords="figure pixels",
            ha="center",
            va="center",
            color=INK,
            arrowprops={"arrowstyle": "-", "color": INK, "lw": 0.8, "shrinkB": 6} if far else None,
            annotation_clip=False,
        )


def _dense(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Places along a curve, closely enough that a label cannot slip between two of them."""
    steps = [i / 12 for i in range(12)]
    found = [
        (a.x + (b.x - a.x) * t, a.mean + (b.mean - a.mean) * t)
        for a, b in pairwise(points)
        for t in steps
    ]
    return found + [(p.x, y) for p in points for y in (p.low, p.mean, p.high)]


def _room(axes: Axes) -> Box:
    """The rectangle that the curves have."""
    box = axes.get_window_extent()
    return Box(float(box.x0), float(box.y0), float(box.x1), float(box.y1))


def _pixel(axes: Axes, x: float, y: float) -> tuple[float, float]:
    at = axes.transData.transform((x, y))
    return float(at[0]), float(at[1])


def _wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` characters; "N = 8" stays in one piece."""
    return textwrap.wrap(text.replace(" = ", "\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}"), width) or [
        ""
    ]


def number(value: float) -> str:
    """A number for reading: three figures, thousands apart, a real minus."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _inline(text: str, figure: Figure, mark: str, form: Format) -> str:
    text = text[text.index("<svg") :]
    body = text[text.index(">") + 1 :]
    body = re.sub(
        r"\s*<(metadata|defs>\s*<style).*?</(metadata|style>\s*</defs)>", "", body, flags=re.S
    )
    body = re.sub(r"<[^>]+>", lambda tag: _mend(tag[0], mark), body)  # tags only: no word of a text
    return (
        f'<svg class="{form.name}" viewBox="0 0 {form.width} {form.height}" role="img" '
        f'aria-label="{escape(figure.title)}">{body}'
    )


def _mend(tag: str, mark: str) -> str:
    """A tag with ids of its own, the page's colours, and the page's font."""
    tag = re.sub(r'\bid="', f'id="{mark}-', tag)
    tag = re.sub(r'(?:xlink:)?href="#', f'href="#{mark}-', tag)
    tag = re.sub(r"url\(#", f"url(#{mark}-", tag)
    tag = re.sub(r"font-family: [^;\"]+", "font-family: var(--sans)", tag)
    for colour, variable in VARIABLES.items():
        tag = tag.replace(colour, f"var({variable})")
    return tag
