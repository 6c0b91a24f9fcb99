"""Charts drawn box by box: every part is there, at its size, and hostile words stay words."""

import re

import pytest

from duotempo.study.chart import around, clipped, length, ticks, visible
from duotempo.study.chart_bars import Bar, Bars, Pair, Pairs, Part, Steps
from duotempo.study.chart_heat import Columns, Grid, Matrix, Shade
from duotempo.study.figure import NARROW, WIDE
from duotempo.study.page import Folded, Prose, Table, page
from tests.study.test_page import HOSTILE, Reader

FORMS = pytest.mark.parametrize("form", [WIDE, NARROW], ids=lambda form: form.name)


def steps(*values, end):
    """A waterfall."""
    parts = tuple(Part(f"{at}.w", value, "series-1") for at, value in enumerate(values))
    return Steps("t", "a", "c", "logits", parts, (("w", "series-1"),), Part("all", end, "ink"))


def charts(text):
    """One of each kind, with a text wherever there is one."""
    bar = Bar(text, text, (Part(text, 2.0, "series-1", text), Part("b", -1.0, "bad")))
    shade = Shade(text, 0.5, True, text)
    cells = (((0.5, None),), ((1.0, 0.0),))
    two = ((text, "series-1"), (text, "series-2"))
    return [
        Bars(text, text, text, text, (bar, Bar(text, "d", (), text))),
        Steps(text, text, text, text, bar.parts, ((text, "series-1"),), Part(text, 1.0, "ink")),
        Pairs(text, text, text, text, (Pair(text, 0.0, 1.0), Pair("b", None, 2.0))),
        Matrix(text, text, text, (text, "b"), two, (Columns(text, (text,), cells),) * 9),
        Grid(
            text, text, text, (text,) * 9, ((text, "bad"),), ((shade,) * 9,), (text, text), "good"
        ),
    ]


def test_hostile_text_stays_text():
    html = page("t", [*charts(HOSTILE), Folded(HOSTILE, [Prose(HOSTILE), *charts(HOSTILE)])])
    read = Reader(html)
    assert not read.tags & {"script", "img", "link", "iframe", "object", "a", "base", "form"}
    assert not [name for name, _ in read.attributes if name.startswith("on")]
    assert html.count("<svg") == 20
    assert "http" not in html


@FORMS
def test_every_chart_says_in_words_what_it_shows_and_uses_the_pages_colours(form):
    for chart in charts("said"):
        svg = chart.svg(form)
        assert 'role="img" aria-label="said"' in svg
        assert set(re.findall(r"(?:fill|stroke):(#\w+)", svg)) == set()
        assert f'viewBox="0 0 {form.width} ' in svg


@FORMS
def test_nothing_is_drawn_outside(form):
    for chart in charts("said"):
        height, body = chart.draw(form)
        xs = [float(v) for v in re.findall(r'\b(?:x|x1|x2|cx)="([-\d.]+)"', body)]
        ys = [float(v) for v in re.findall(r'\b(?:y|y1|y2|cy)="([-\d.]+)"', body)]
        assert min(xs) >= 0
        assert max(xs) <= form.width
        assert min(ys) >= 0
        assert max(ys) <= height


@FORMS
def test_the_sum_behind_a_bar_is_not_cut_off(form):
    parts = (Part("a", 0.38, "series-1"), Part("b", -12345.04, "bad"))
    _, body = Bars("t", "a", "c", "logits", (Bar("g", "direct", parts),)).draw(form)
    ((x, text),) = re.findall(r'<text[^>]* x="([\d.]+)"[^>]*>(= [^<]*)<', body)
    assert text == "= \N{MINUS SIGN}12,345"
    assert float(x) + length(text, form.text) <= form.width


@FORMS
def test_each_step_begins_where_the_last_one_ended(form):
    _, body = steps(4.0, -1.0, 2.0, end=5.0).draw(form)
    bars = re.findall(
        r'<rect[^>]* y="([\d.]+)" width="[\d.]+" height="([\d.]+)"[^>]*><title>', body
    )
    (a, b), (c, d), (e, f), (g, h) = [(float(y), float(y) + float(tall)) for y, tall in bars]
    unit = (b - a) / 4
    assert c == pytest.approx(a, abs=0.2)
    assert d - c == pytest.approx(unit, abs=0.2)
    assert f == pytest.approx(d, abs=0.2)
    assert (g, h) == pytest.approx((e, b), abs=0.2)
    assert h - g == pytest.approx(5 * unit, abs=0.2)


@FORMS
def test_bars_are_to_one_scale_on_both_sides_of_zero(form):
    parts = (Part("a", 3.0, "series-1"), Part("b", -1.0, "series-2"), Part("c", 1.0, "series-3"))
    _, body = Bars("t", "a", "c", "u", (Bar("g", "n", parts),)).draw(form)
    drawn = re.findall(r'<rect x="([\d.]+)"[^>]* width="([\d.]+)"[^>]*><title>', body)
    (a, wide_a), (b, wide_b), (c, wide_c) = [(float(x), float(w)) for x, w in drawn]
    assert wide_a == pytest.approx(3 * wide_b, abs=0.2)
    assert wide_b == pytest.approx(wide_c, abs=0.2)
    assert b + wide_b == pytest.approx(a, abs=0.2)
    assert c == pytest.approx(a + wide_a, abs=0.2)
    assert ">= 3<" in body


def test_what_only_one_report_has_is_said():
    _, body = Pairs("t", "a", "c", "u", (Pair("x", None, 2.0), Pair("y", 1.0, None))).draw(WIDE)
    assert "none → 2<" in body
    assert "1 → none<" in body
    assert body.count("<circle") == 4, "two for the legend, one for each row"


def test_of_many_columns_the_last_are_shown():
    row = tuple(Shade(f"word number {at}", 0.0, False, "") for at in range(40))
    heads = tuple(f"head {at}" for at in range(40))
    grid = Grid("t", "a", "c", heads, (("r", "ink"),), (row,), ("a", "b"), "good")
    _, wide = grid.draw(WIDE)
    _, narrow = grid.draw(NARROW)
    assert "head 39" in wide
    assert "head 39" in narrow
    assert "head 20" not in wide
    assert narrow.count("<text") < wide.count("<text")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (" the", "␣the"),
        ("a\nb\tc", "a↵b⇥c"),
        ("\u202eabc\x00\ud800", "\\x202eabc\\x00\\xd800"),
        ("日本", "日本"),
    ],
)
def test_tokens_show_what_cannot_be_seen(text, shown):
    assert visible(text) == shown


def test_texts_are_cut_to_their_room():
    assert clipped("short", 10, 100) == "short"
    assert clipped("a rather long text", 10, 50) == "a rathe…"
    assert length("日本", 10) == 2 * length("ab", 10)
    assert clipped("long", 10, 0) == "…"


@pytest.mark.parametrize(
    ("low", "high", "most", "found"),
    [
        (0, 1, 5, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (-3, 7, 5, [-2, 0, 2, 4, 6]),
        (0, 2e-6, 2, [0, 1e-6, 2e-6]),
    ],
)
def test_ticks_are_round(low, high, most, found):
    assert ticks(low, high, most) == pytest.approx(found)


def test_a_scale_has_a_zero_and_a_length():
    assert around([]) == (0, 1)
    assert around([0.0]) == (0, 1)
    assert around([3.0, -2.0]) == (-2, 3)


def test_what_is_folded_can_be_unfolded_without_a_script():
    html = page("t", [Folded("more", [Table(("a",), [("1",)])])])
    assert "<details>\n<summary>more</summary>" in html
    assert "<td" in html
