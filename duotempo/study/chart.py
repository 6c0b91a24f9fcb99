"""Charts that are no curves, drawn box by box: strangers' words of any script may stand in them."""

import math
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from duotempo.study.figure import Format

SIGNS = {"\n": "\N{DOWNWARDS ARROW WITH CORNER LEFTWARDS}", "\t": "\N{RIGHTWARDS ARROW TO BAR}"}

Pixels = float | int
"""A length or a place in CSS pixels."""


@dataclass(frozen=True)
class Chart(ABC):
    """A chart for a page: what its title claims, its content in words for who cannot see it
    (`alt`), and a note below it. Colours are names of the page's variables."""

    title: str
    alt: str
    caption: str

    @abstractmethod
    def draw(self, form: Format) -> tuple[float, str]:
        """Height in CSS pixels and the elements, for a drawing of the form's width."""

    def svg(self, form: Format) -> str:
        """The chart as an `<svg>` element without ids, whose every text is escaped. A phone has no
        pointer to rest on a box, so nothing is told there."""
        height, body = self.draw(form)
        body = body if form.name == "wide" else re.sub("<title>.*?</title>", "", body, flags=re.S)
        return (
            f'<svg class="{form.name} chart" viewBox="0 0 {form.width} {height:.0f}" role="img" '
            f'aria-label="{escape(self.alt)}">\n{body}\n</svg>'
        )


@dataclass(frozen=True)
class Rect:
    """A place to draw in: left, top, width, height."""

    x: Pixels
    y: Pixels
    width: Pixels
    height: Pixels


@dataclass(frozen=True)
class Scale:
    """Values to pixels; the pixels may run backwards."""

    low: Pixels
    high: Pixels
    start: Pixels
    end: Pixels

    def __call__(self, value: Pixels) -> float:
        """Where a value stands."""
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)


def box(place: Rect, colour: str, *, alpha: Pixels = 1.0, said: str = "") -> str:
    """A filled box; `said` is what a pointer that rests on it is told."""
    x, width = min(place.x, place.x + place.width), abs(place.width)
    y, height = min(place.y, place.y + place.height), abs(place.height)
    faint = f";fill-opacity:{alpha:.2f}" if alpha < 1 else ""
    title = f"<title>{escape(said)}</title>" if said else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'style="fill:var(--{colour}){faint}">{title}</rect>'
    )


def words(
    x: Pixels,
    y: Pixels,
    text: str,
    size: Pixels,
    *,
    colour: str = "ink",
    anchor: str = "start",
    bold: bool = False,
) -> str:
    """A line of text whose middle is at a height; `anchor` is start, middle or end. What has the
    colour of the paper stands on a colour (class "on"), and needs no halo against lines behind."""
    weight = ";font-weight:600" if bold else ""
    on = ' class="on"' if colour == "paper" else ""
    return (
        f'<text{on} x="{x:.1f}" y="{y + 0.36 * size:.1f}" text-anchor="{anchor}" '
        f'style="font-size:{size:g}px;fill:var(--{colour}){weight}">{escape(text)}</text>'
    )


def stroke(
    x: tuple[Pixels, Pixels], y: tuple[Pixels, Pixels], colour: str = "rule", width: Pixels = 1
) -> str:
    """A straight line."""
    return (
        f'<line x1="{x[0]:.1f}" y1="{y[0]:.1f}" x2="{x[1]:.1f}" y2="{y[1]:.1f}" '
        f'style="stroke:var(--{colour});stroke-width:{width:g}"/>'
    )


def dot(x: Pixels, y: Pixels, colour: str, *, hollow: bool = False) -> str:
    """A round mark."""
    fill = "paper" if hollow else colour
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" '
        f'style="fill:var(--{fill});stroke:var(--{colour});stroke-width:2"/>'
    )


def length(text: str, size: Pixels) -> float:
    """About how many pixels a text takes."""
    wide = sum(2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)
    return wide * size * 0.56


def clipped(text: str, size: Pixels, room: Pixels) -> str:
    """A text that fits into so many pixels; what is cut off is an ellipsis."""
    if length(text, size) <= room:
        return text
    while text and length(text + "\N{HORIZONTAL ELLIPSIS}", size) > room:
        text = text[:-1]
    return text + "\N{HORIZONTAL ELLIPSIS}"


def visible(text: str) -> str:
    """A token or a name with its spaces and line breaks to be seen, and without signs that would
    turn the text around or are none."""
    signs = [
        "\N{OPEN BOX}"
        if sign == " "
        else SIGNS.get(sign) or (sign if sign.isprintable() else f"\\x{ord(sign):02x}")
        for sign in text
    ]
    return "".join(signs)


def ticks(low: Pixels, high: Pixels, most: int = 6) -> list[float]:
    """Round numbers between two values, at most so many."""
    raw = (high - low) / most
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(base * by for by in (1, 2, 5, 10) if base * by >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [at * step for at in range(first, math.floor(high / step + 1e-9) + 1)]


def around(values: Sequence[float]) -> tuple[float, float]:
    """The least and the largest value, zero among them, and never the same."""
    low, high = min(0.0, *values, 0.0), max(0.0, *values, 0.0)
    return (low, high) if high > low else (low, low + 1.0)


def legend(items: Sequence[tuple[str, str]], form: Format) -> tuple[float, str]:
    """Names behind boxes of their colours, in lines as they fit: the height and the elements."""
    x, y, size, parts = 0.0, 8.0, form.text - 1, []
    for name, colour in items:
        wide = 16 + length(name, size) + 18
        if x and x + wide - 18 > form.width:
            x, y = 0.0, y + 19
        parts += [box(Rect(x, y - 5, 10, 10), colour), words(x + 15, y, name, size, colour="soft")]
        x += wide
    return (y + 16 if items else 0.0), "\n".join(parts)
