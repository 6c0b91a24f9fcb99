"""The page: everything is escaped, nothing is fetched, and ids do not clash."""

import re
from html.parser import HTMLParser

import pytest

from duotempo.study import Figure, Mark, Point, Series
from duotempo.study.figure import number
from duotempo.study.page import Cell, Code, Heading, Prose, Quote, Table, page

HOSTILE = '<script>alert(\'1\')</script><img src=x onerror="go()"> & $x_1$ ]]> --> id="a" #010101'


class Reader(HTMLParser):
    """Notes every tag, attribute and word of a page."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.tags, self.ids, self.attributes, self.words = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        self.words.append(data)

    def handle_comment(self, data):
        raise AssertionError(f"a comment: {data}")


def figure(text="Found", style="line", log_x=False, xs=(1, 2, 4)):
    points = tuple(Point(float(x), x / 2, x / 2 - 0.1, x / 2 + 0.1) for x in xs)
    series = (Series(text, points, style), Series(text + " too", points, "dashed"))
    return Figure(text, text, text, series, (Mark(2.0, 1.0, text),), log_x, text)


def everything(text):
    table = Table((text, "b", "c", "d"), [(text, "1", Cell(text, "bad"), "2")], text)
    blocks = [Heading(text), Prose(text), Code(text), Quote(text, text), table, figure(text)]
    return page(text, [*blocks, figure(text, "dots", log_x=True)])


def test_hostile_text_stays_text():
    read = Reader(everything(HOSTILE))
    assert not read.tags & {"script", "img", "link", "iframe", "object", "a", "base", "form"}
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    said = [word for word in read.words if word.strip() == HOSTILE]
    assert len(said) >= 8, "title, heading, prose, code, quote, cells: as they were written"
    drawn = "".join(read.words).replace("\n", " ")
    assert "$x_1$" in drawn
    assert "#010101" in drawn, "a colour's stand-in within a word is left alone"


def test_a_page_fetches_nothing():
    text = everything("plain")
    assert "http" not in text
    assert "@import" not in text
    read = Reader(text)
    assert not [name for name, _ in read.attributes if name in ("src", "srcset")]
    references = [value for name, value in read.attributes if name.endswith("href")]
    references += re.findall(r"url\(([^)]*)\)", text)
    assert references
    assert all(reference.startswith("#") for reference in references)


def test_ids_are_unique_and_every_reference_has_its_own():
    text = everything("plain")
    read = Reader(text)
    assert len(set(read.ids)) == len(read.ids)
    used = {v.removeprefix("#") for n, v in read.attributes if n.endswith("href")}
    used |= set(re.findall(r"url\(#([^)]*)\)", text))
    assert used <= set(read.ids)


def test_every_colour_is_one_of_the_page_in_light_and_dark():
    text = everything("plain")
    used = set(re.findall(r"var\((--[\w-]+)\)", text))
    light, dark = re.findall(r":root \{([^}]*)\}", text)
    for name in used - {"--sans", "--serif", "--mono"}:
        assert f"{name}:" in light, name
        assert f"{name}:" in dark, name
    svg = "".join(re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL))
    assert set(re.findall(r"(?:fill|stroke): (#\w+)", svg)) == set()


def test_the_same_blocks_make_the_same_page():
    assert everything("plain") == everything("plain")


def test_a_figure_names_its_axes_series_and_marks():
    shown = Figure("Found", "passes (N)", "loss (bits)", figure().series, (Mark(2.0, 1.0, "pick"),))
    words = Reader(page("t", [shown])).words
    for word in ("Found", "passes (N)", "loss (bits)", "Found too", "pick"):
        assert word in words, word


@pytest.mark.parametrize("xs", [(3,), range(1, 60)])
@pytest.mark.parametrize("style", ["line", "dashed", "dotted", "dots"])
def test_one_point_and_many_points_can_be_drawn(xs, style):
    assert page("t", [figure(style=style, xs=xs)]).count("<svg") == 2


def test_only_columns_of_numbers_are_set_to_the_right():
    rows = [("−1.5", "a 1", "≥ 0.85", "0.1 to 0.2"), ("1,234 MB", "2", "≤ −1e−9", "–")]
    html = page("t", [Table(("n", "words", "target", "interval"), rows)])
    assert re.findall(r'<th scope="col"( class=number)?>', html) == [
        " class=number",
        "",
        " class=number",
        " class=number",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.25, "−0.25"), (0.012345, "0.0123"), (1474560.0, "1,474,560"), (64.0, "64")],
)
def test_numbers_are_written_for_reading(value, text):
    assert number(value) == text
