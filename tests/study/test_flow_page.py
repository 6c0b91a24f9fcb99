"""The page of a flow report on planted models: all figures and tables, from a file as well."""

import json
import re
from dataclasses import replace

import pytest

from duotempo.flow import as_dict, report, report_of, tables
from duotempo.study.flow_diff import diff_page, unlike
from duotempo.study.flow_figures import bars, colours, matrix, trail, waterfall
from duotempo.study.flow_page import flow_page
from tests.flow.facts import probes
from tests.flow.planted import RELAY, SINGLE, STORE, THREE, rms
from tests.study.test_page import HOSTILE, Reader


def facts():
    """Two classes, three facts each."""
    return [fact for kind in ("near", "far") for fact in probes(kind)[::4]]


@pytest.fixture(scope="module")
def made():
    """A relay behind a norm."""
    return replace(
        report(replace(RELAY, norm=rms), facts(), "relay"), command="duotempo flow 'a b' --page x"
    )


@pytest.fixture(scope="module")
def other():
    """One that looks, asked near facts only."""
    return report(SINGLE["near"], facts()[:3], "looks")


def test_the_waterfall_ends_at_the_margin(made):
    for kind in ("near", "far"):
        drawn = waterfall(made, kind)
        assert sum(part.value for part in drawn.parts) == pytest.approx(drawn.end.value, abs=1e-9)
        assert [part.name for part in drawn.parts] == ["embed", "recall", "pass on", "bias"]
    colour = {part.name: part.colour for part in waterfall(made, "far").parts}
    assert colour["recall"] == colours(made)[STORE]
    assert colour["pass on"] == colours(made)["weights"]


def test_totals_stand_beside_direct_parts_and_give_the_credit_back(made):
    by = {(bar.group, bar.name): {p.name: p.value for p in bar.parts} for bar in bars(made).bars}
    assert [*by] == [("near", "total"), ("near", "direct"), ("far", "total"), ("far", "direct")]
    assert by["far", "direct"]["weights"] > 0
    assert by["far", "direct"][STORE] == 0
    assert by["far", "total"][STORE] > 0
    label = next(b for b in bars(made).bars if (b.group, b.name) == ("far", "total")).parts[1].label
    assert label.endswith("%")


def test_a_refused_sum_is_said_and_no_direct_part_is_drawn():
    capped = report(replace(RELAY, cap=3.0), facts(), "capped")
    direct = [bar for bar in bars(capped).bars if bar.name == "direct"]
    assert [(bar.parts, bar.note[:7]) for bar in direct] == [((), "refused")] * 2
    html = flow_page(capped)
    assert "refused: the parts do not sum" in html
    assert "the margin as the sum of all writes" not in html
    assert "measured, not summed" in html


def test_the_matrix_shows_who_follows_the_twin(made):
    drawn = matrix(made)
    assert drawn.rows == ("near", "far")
    by = {block.name: block for block in drawn.columns}
    rival = by[STORE].heads.index("rival")
    assert by[STORE].cells[1][rival] == (0, 1)
    assert by["context"].cells[1][by["context"].heads.index("rival")] == (1, 0)
    assert all(len(row) == len(block.heads) for block in drawn.columns for row in block.cells)
    assert "far with memory.store from the twin: 1.00 follow it" in drawn.alt


def test_the_trail_points_out_where_the_answer_is_first(made):
    drawn = trail(made, made.trails[1])
    assert [row[-1].strong for row in drawn.cells][-1]
    assert len(drawn.cells) == len(drawn.rows) == 3
    assert drawn.cells[-1][-1].strength == 1


def test_every_table_number_and_note_is_on_the_page(made):
    html = flow_page(made)
    words = " ".join(Reader(html).words).replace("\N{NO-BREAK SPACE}", " ")
    for grid in tables(made):
        for row in grid.rows:
            assert all(cell in words for cell in row), (grid.title, row)
    assert all(note in words for note in made.notes)
    assert "duotempo flow 'a b' --page x" in words
    assert "near 3, far 3" in words
    assert f"It took {made.seconds:.0f} seconds" in words
    assert html.count("<figure>") == 2 + 2 + 2


def test_the_page_is_the_same_from_a_file(made):
    assert flow_page(report_of(json.loads(json.dumps(as_dict(made))))) == flow_page(made)


def test_strangers_words_stay_words():
    hostile = [replace(fact, fact=HOSTILE) for fact in facts()]
    found = report(THREE, hostile, HOSTILE, word=lambda token: HOSTILE)
    for html in (flow_page(replace(found, command=HOSTILE)), diff_page(found, found, HOSTILE)):
        read = Reader(html)
        assert not read.tags & {"script", "img", "link", "iframe", "object", "a", "base", "form"}
        assert not [name for name, _ in read.attributes if name.startswith("on")]
        assert not [name for name, _ in read.attributes if name in ("src", "href")]


def test_two_reports_are_drawn_largest_change_first(made, other):
    html = diff_page(other, made, "duotempo flow diff a b")
    assert "What changed from looks to relay" in html
    assert "not asked the same number of facts" in html
    changes = re.findall(r"([\d.\N{MINUS SIGN}]+|none) → ([\d.\N{MINUS SIGN}]+|none)<", html)
    assert ("none", "1") in changes, "a class that one report alone has"
    both = [tuple(map(_float, pair)) for pair in changes if "none" not in pair]
    assert both
    assert html.index("Shares of the margin") < html.index("Direct parts, to be read beside")
    for name in ("right/near", "share/near/context", "settling/near"):
        assert f">{name}<" in html
    assert "not asked the same" not in diff_page(made, made)


def test_other_facts_of_the_same_number_are_told_apart(made, other):
    again = report(SINGLE["near"], facts()[1:3] + facts()[:1], "looks again")
    assert again.facts == other.facts
    assert unlike(other, again).startswith("The two were not asked the same facts")
    assert "number of facts" in unlike(other, made)
    assert unlike(made, made) == ""
    assert unlike(replace(made, trails=made.trails[:1]), made) == "", "one has no store, say"


def _float(text):
    return float(text.replace("\N{MINUS SIGN}", "-"))
