"""Stacked bars, a waterfall and pairs of dots: charts of amounts."""

from dataclasses import dataclass
from itertools import accumulate

from duotempo.study.chart import (
    Chart,
    Rect,
    Scale,
    around,
    box,
    clipped,
    dot,
    legend,
    length,
    stroke,
    ticks,
    words,
)
from duotempo.study.figure import Format, number


@dataclass(frozen=True)
class Part:
    """A part of a bar, or a step of a waterfall; below zero it goes to the other side."""

    name: str
    value: float
    colour: str
    label: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar of a group of bars; without parts, `note` says why."""

    group: str
    name: str
    parts: tuple[Part, ...]
    note: str = ""

    @property
    def sum(self) -> str:
        """What stands behind it."""
        return "= " + number(round(sum((part.value for part in self.parts), 0.0), 2))

    @property
    def ends(self) -> tuple[float, float]:
        """Where it begins and ends."""
        values = [part.value for part in self.parts]
        return sum((min(v, 0.0) for v in values), 0.0), sum((max(v, 0.0) for v in values), 0.0)


@dataclass(frozen=True)
class Bars(Chart):
    """Stacked bars in groups, all to one scale; behind each stands its sum."""

    unit: str
    bars: tuple[Bar, ...]

    def draw(self, form: Format) -> tuple[float, str]:
        """Each group has a heading, since a phone has no room beside the bars."""
        names = {part.name: part.colour for bar in self.bars for part in bar.parts}
        top, head = legend(list(names.items()), form)
        left = 10 + max(length(bar.name, form.text) for bar in self.bars)
        room = form.width - left - 8 - max(length(bar.sum, form.text) for bar in self.bars)
        low, high = around([end for bar in self.bars for end in bar.ends])
        scale = Scale(low, high, left, left + room)
        body, y, group = [], top + 4, ""
        for bar in self.bars:
            if bar.group != group:
                group = bar.group
                body.append(words(0, y + 12, group, form.text, bold=True))
                y += 26
            body += self._bar(bar, scale, y, form)
            y += 27
        grid = []
        for value in ticks(low, high, max(2, int(room / 48))):
            at = scale(value)
            colour = "soft" if abs(value) < 1e-12 else "rule"
            grid.append(stroke((at, at), (top + 4, y + 2), colour))
            size = form.text - 1
            grid.append(words(at, y + 12, number(value), size, colour="soft", anchor="middle"))
        unit = words(left + room / 2, y + 30, self.unit, form.text, colour="soft", anchor="middle")
        return y + 42, "\n".join([head, *grid, *body, unit])

    def _bar(self, bar: Bar, scale: Scale, y: float, form: Format) -> list[str]:
        drawn = [words(0, y + 11, bar.name, form.text, colour="soft")]
        if not bar.parts:
            note = clipped(bar.note, form.text, form.width - scale(0) - 4)
            return [*drawn, words(scale(0) + 4, y + 11, note, form.text, colour="bad")]
        below = above = 0.0
        for part in bar.parts:
            start = above if part.value >= 0 else below
            if part.value >= 0:
                above += part.value
            else:
                below += part.value
            x, end = scale(start), scale(start + part.value)
            said = f"{bar.group}, {bar.name}, {part.name}: {number(part.value)}"
            drawn.append(box(Rect(x, y, end - x, 22), part.colour, said=said))
            drawn.append(stroke((end, end), (y, y + 22), "paper"))
            size = form.text - 1
            if length(part.label, size) + 6 <= abs(end - x):
                middle = (x + end) / 2
                drawn.append(
                    words(middle, y + 11, part.label, size, colour="paper", anchor="middle")
                )
        return [*drawn, words(scale(above) + 6, y + 11, bar.sum, form.text, colour="soft")]


@dataclass(frozen=True)
class Steps(Chart):
    """A waterfall: parts one after the other, each from where the last one ended, and the end."""

    unit: str
    parts: tuple[Part, ...]
    legend: tuple[tuple[str, str], ...]
    end: Part

    def draw(self, form: Format) -> tuple[float, str]:
        """Bars stand upright, in the order of the parts; names are written where there is room."""
        top, head = legend(self.legend, form)
        after = list(accumulate(part.value for part in self.parts))
        low, high = around([*after, self.end.value])
        left, foot = 44.0, top + 24 + (220 if form.name == "wide" else 190)
        scale = Scale(low, high, foot, top + 24)
        wide = (form.width - left) / (len(self.parts) + 1)
        body = [head, words(0, top + 6, self.unit, form.text, colour="soft")]
        for value in ticks(low, high, 5):
            y, zero = scale(value), abs(value) < 1e-12
            body.append(stroke((left, form.width), (y, y), "soft" if zero else "rule"))
            label = number(value)
            body.append(words(left - 6, y, label, form.text, colour="soft", anchor="end"))
        starts = [0.0, *after]
        for at, part in enumerate([*self.parts, self.end]):
            start = 0.0 if part is self.end else starts[at]
            x, y, gap = left + at * wide, scale(start), min(2.0, wide / 5)
            tall = scale(start + part.value) - y
            tall = tall if abs(tall) >= 1 else 1.0
            said = f"{part.name}: {number(round(part.value, 4))}"
            body.append(box(Rect(x + gap / 2, y, wide - gap, tall), part.colour, said=said))
        body += self._names(left, wide, foot + 14, form)
        return foot + 26, "\n".join(body)

    def _names(self, left: float, wide: float, y: float, form: Format) -> list[str]:
        """Names below those bars whose names do not touch, the last one always."""
        drawn, edge, size = [], float(form.width), form.text - 1
        for at, part in reversed(list(enumerate([*self.parts, self.end]))):
            room, middle = length(part.name, size), left + (at + 0.5) * wide
            end = min(middle + room / 2, edge) if part is self.end else middle + room / 2
            if end <= edge and end - room >= 0:
                colour = "ink" if part is self.end else "soft"
                drawn.append(words(end, y, part.name, size, colour=colour, anchor="end"))
                drawn.append(stroke((middle, middle), (y - 14, y - 8), "soft"))
                edge = end - room - 14
        return drawn


@dataclass(frozen=True)
class Pair:
    """One number before and after; None where there is none."""

    name: str
    before: float | None
    after: float | None


@dataclass(frozen=True)
class Pairs(Chart):
    """Two dots a row, joined: what was, hollow, and what is, filled."""

    unit: str
    pairs: tuple[Pair, ...]

    def draw(self, form: Format) -> tuple[float, str]:
        """On a phone names stand above their dots."""
        wide = form.name == "wide"
        longest = max(length(pair.name, form.text) for pair in self.pairs)
        left = min(longest, 250) + 14 if wide else 8
        right = form.width - (118 if wide else 8)
        low, high = around([v for p in self.pairs for v in (p.before, p.after) if v is not None])
        scale, row = Scale(low, high, left + 6, right - 6), 26 if wide else 42
        body, top = [], 22.0
        body += [dot(6, 8, "soft", hollow=True), words(16, 8, "before", form.text, colour="soft")]
        body += [dot(86, 8, "series-1"), words(96, 8, "after", form.text, colour="soft")]
        foot = top + row * len(self.pairs)
        for value in ticks(low, high, max(2, int((right - left) / 48))):
            at = scale(value)
            body.append(stroke((at, at), (top, foot), "soft" if abs(value) < 1e-12 else "rule"))
            size = form.text - 1
            label = number(value)
            body.append(words(at, foot + 10, label, size, colour="soft", anchor="middle"))
        for at, pair in enumerate(self.pairs):
            body += self._pair(pair, scale, top + row * at, form)
        unit = words(
            (left + right) / 2, foot + 28, self.unit, form.text, colour="soft", anchor="middle"
        )
        return foot + 40, "\n".join([*body, unit])

    def _pair(self, pair: Pair, scale: Scale, y: float, form: Format) -> list[str]:
        wide = form.name == "wide"
        line, height = (y + 13, y + 13) if wide else (y + 9, y + 29)
        shown = [
            "none" if v is None else number(round(v, 2) + 0.0) for v in (pair.before, pair.after)
        ]
        change = " \N{RIGHTWARDS ARROW} ".join(shown)
        name = clipped(pair.name, form.text, 250 if wide else form.width - 120)
        drawn = [
            words(0, line, name, form.text),
            words(form.width, line, change, form.text, colour="soft", anchor="end"),
        ]
        if pair.before is not None and pair.after is not None:
            ends = scale(pair.before), scale(pair.after)
            drawn.append(stroke(ends, (height, height), "series-1", 2.5))
        if pair.before is not None:
            drawn.append(dot(scale(pair.before), height, "soft", hollow=True))
        if pair.after is not None:
            drawn.append(dot(scale(pair.after), height, "series-1"))
        return drawn
