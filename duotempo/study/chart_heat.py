"""Tables whose cells are coloured by what they hold: a causal matrix, and words by depth."""

from dataclasses import dataclass
from html import escape

from duotempo.study.chart import Chart, Pixels, Rect, box, clipped, legend, length, stroke, words
from duotempo.study.figure import Format

STRONGEST = 0.5
"""How strong a colour may be that words stand on."""
Two = tuple[float | None, float | None]


@dataclass(frozen=True)
class Columns:
    """Columns of a matrix that belong together; a cell holds two numbers from 0 to 1."""

    name: str
    heads: tuple[str, ...]
    cells: tuple[tuple[Two, ...], ...]


@dataclass(frozen=True)
class Matrix(Chart):
    """A row for each name, two numbers in every cell; groups of columns flow like words."""

    rows: tuple[str, ...]
    two: tuple[tuple[str, str], tuple[str, str]]
    columns: tuple[Columns, ...]

    def draw(self, form: Format) -> tuple[float, str]:
        """As many groups of columns in a line as fit."""
        y, head = legend(self.two, form)
        left = 12 + max(length(name, form.text) for name in self.rows)
        half, body = (38.0, [head]) if form.name == "wide" else (36.0, [head])
        for line in self._lines(form, left, 2 * half):
            for at, name in enumerate(self.rows):
                body.append(words(0, y + 46 + 28 * at + 13, name, form.text))
            x = left
            for block in line:
                body += self._block(block, Rect(x, y, half, 26), form)
                x += _wide(block, 2 * half, form) + 14
            y += 46 + 28 * len(self.rows) + 14
        return y - 8, "\n".join(body)

    def _lines(self, form: Format, left: float, cell: Pixels) -> list[list[Columns]]:
        lines: list[list[Columns]] = [[]]
        x = left
        for block in self.columns:
            wide = _wide(block, cell, form)
            if lines[-1] and x + wide > form.width:
                lines.append([])
                x = left
            lines[-1].append(block)
            x += wide + 14
        return lines

    def _block(self, block: Columns, first: Rect, form: Format) -> list[str]:
        size, cell = form.text - 1, 2 * first.width
        drawn = [words(first.x, first.y + 11, block.name, size, bold=True)]
        for column, how in enumerate(block.heads):
            x = first.x + column * cell
            drawn.append(
                words(x + cell / 2 - 1, first.y + 32, how, size, colour="soft", anchor="middle")
            )
            for row, name in enumerate(self.rows):
                y = first.y + 46 + 28 * row
                where = f"{name}, {block.name} {how}".strip()
                for side, value in enumerate(block.cells[row][column]):
                    place = Rect(x + side * first.width, y, first.width - 1 - side, first.height)
                    drawn += self._half(place, value, side, where, size)
        return drawn

    def _half(
        self, place: Rect, value: float | None, side: int, where: str, size: Pixels
    ) -> list[str]:
        what, colour = self.two[side]
        middle = place.x + place.width / 2, place.y + place.height / 2
        if value is None:
            return [words(*middle, "none", size - 1, colour="soft", anchor="middle")]
        alpha = 0.04 + (STRONGEST - 0.04) * min(max(value, 0.0), 1.0)
        said = f"{where}: {what} {value:.2f}"
        label = f"{value:.2f}"
        text = words(*middle, label, size, anchor="middle")
        return ['<g class="on">', box(place, colour, alpha=alpha, said=said), text, "</g>"]


def _wide(block: Columns, cell: Pixels, form: Format) -> float:
    """How wide a group of columns is with its name, whose bold letters take more."""
    return max(cell * len(block.heads), 1.12 * length(block.name, form.text - 1) + 4)


@dataclass(frozen=True)
class Shade:
    """A cell of a grid of words: what stands in it, how strong its colour is (0 to 1), whether it
    is pointed out, and what a pointer is told."""

    word: str
    strength: float
    strong: bool
    said: str


@dataclass(frozen=True)
class Grid(Chart):
    """Words by row and column, the last columns when not all fit; each row has a colour of its
    own beside its name."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]
    cells: tuple[tuple[Shade, ...], ...]
    scale: tuple[str, str]
    colour: str

    def draw(self, form: Format) -> tuple[float, str]:
        """Small letters: there are as many rows as writes."""
        wide = form.name == "wide"
        size, tall, most = (11.0, 16.0, 104.0) if wide else (9.5, 14.0, 62.0)
        left = 14 + min(max(length(name, size) for name, _ in self.rows), 110)
        count, cell = self._fit(form.width - left, size, most)
        top, head = self._scale(form)
        body = [head]
        for at, name in enumerate(self.heads[-count:]):
            x = left + (at + 0.5) * cell
            text = clipped(name, size, cell - 4)
            body.append(words(x, top + 8, text, size, anchor="middle", bold=True))
        body.append(stroke((left, left + count * cell), (top + 17, top + 17), "soft"))
        top += 19
        for down, ((name, colour), row) in enumerate(zip(self.rows, self.cells, strict=True)):
            y = top + down * tall
            body.append(box(Rect(left - 8, y, 4, tall - 1), colour))
            text = clipped(name, size, left - 14)
            body.append(words(left - 12, y + tall / 2, text, size, colour="soft", anchor="end"))
            style = f"font-size:{size:g}px;fill:var(--ink)"
            body.append(f'<g class="on" text-anchor="middle" style="{style}">')
            for at, shade in enumerate(row[-count:]):
                place = Rect(left + at * cell, y, cell - 1, tall - 1)
                body += self._cell(place, shade, size)
            body.append("</g>")
        return top + len(self.rows) * tall + 4, "\n".join(body)

    def _fit(self, room: Pixels, size: Pixels, most: Pixels) -> tuple[int, float]:
        """How many columns there is room for, and how wide each of them is."""
        every = [self.heads, *([shade.word for shade in row] for row in self.cells)]
        longest = max(length(word, size) for row in every for word in row)
        need = min(max(longest + 6, 16.0), most)
        count = max(1, min(len(self.heads), int(room / need)))
        return count, min(room / count, 2 * most)

    def _cell(self, place: Rect, shade: Shade, size: Pixels) -> list[str]:
        """What is far from the answer has a word only: there are hundreds of cells."""
        x, y = place.x + place.width / 2, place.y + place.height / 2 + 0.36 * size
        bold = ' font-weight="600"' if shade.strong else ""
        text = escape(clipped(shade.word, size, place.width - 2))
        drawn = [f'<text x="{x:.0f}" y="{y:.1f}"{bold}>{text}</text>']
        if not shade.strength:
            return drawn
        return [box(place, self.colour, alpha=STRONGEST * shade.strength, said=shade.said), *drawn]

    def _scale(self, form: Format) -> tuple[float, str]:
        """The colours from weak to strong between two words."""
        size = form.text - 1
        low, high = self.scale
        body = [words(0, 8, low, size, colour="soft")]
        x = length(low, size) + 10
        for step in range(7):
            alpha = STRONGEST * (step + 0.5) / 7
            body.append(box(Rect(x + 14 * step, 2, 14, 12), self.colour, alpha=alpha))
        body.append(words(x + 14 * 7 + 6, 8, high, size, colour="soft"))
        return 24.0, "\n".join(body)
