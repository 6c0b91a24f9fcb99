"""The flow report: every table is there, JSON holds every number, two reports are compared."""

import json
from dataclasses import replace

import pytest

from duotempo.core import UserError
from duotempo.flow.report import as_dict, changes, report, summary
from duotempo.flow.tables import tables, text
from tests.flow.facts import probes
from tests.flow.planted import RELAY, SINGLE, STORE, Planted


def facts():
    """Two classes, three facts each."""
    return [fact for kind in ("near", "far") for fact in probes(kind)[::4]]


@pytest.fixture(scope="module")
def both():
    """Reports on a model that looks and on one that stores."""
    return [report(model, facts(), name) for name, model in (("a", SINGLE["near"]), ("b", RELAY))]


def test_the_tables_say_where_it_came_from(both):
    page = text(tables(both[1]))
    lines = [line.split() for line in page.splitlines()]
    assert ["far", STORE, "yes", "yes"] in lines
    assert ["far", "context", "no", "no"] in lines
    titles = [grid.title.split(" (")[0] for grid in tables(both[1])]
    assert titles == [
        "Causal matrix",
        "Source certificate",
        "Source shares of the margin",
        "Written because of another",
        "Emergence by depth",
        "State sufficiency",
    ]
    assert all(len(row) == len(grid.head) for grid in tables(both[1]) for row in grid.rows)


def test_few_facts_are_said(both):
    assert any("Fewer than 10 facts of near, far" in note for note in both[0].notes)
    assert both[0].facts == {"near": 3, "far": 3}


def test_a_report_is_json_and_comes_back(both):
    again = json.loads(json.dumps(as_dict(both[1])))
    assert again["summary"] == summary(both[1])
    assert again["summary"][f"follow/far/{STORE}"] == 1
    assert again["shares"]["rows"][0]["total"].keys() == {"value", "low", "high", "n"}


def test_two_reports_are_compared(both):
    found = {change.name: change for change in changes(*map(as_dict, both))}
    assert (found["right/far"].before, found["right/far"].after, found["right/far"].by) == (0, 1, 1)
    assert found["share/near/context"].by < 0
    assert found["settling/far"].by is None  # the first never gets there
    assert all(change.by == 0 for change in changes(as_dict(both[0]), as_dict(both[0])))


def test_what_is_no_report_is_refused(both):
    with pytest.raises(UserError, match="no flow report"):
        changes(as_dict(both[0]), {"kind": "study"})


def test_what_is_refused_or_missing_is_said():
    capped = report(replace(RELAY, cap=3.0), facts()[:2], "capped")
    assert any("measured, not summed" in note for note in capped.notes)
    assert "none" in text(tables(capped))

    class Bare(Planted):
        @property
        def stores(self):
            return ("attention",)

    bare = Bare(SINGLE["near"].parts)
    asked = report(bare, [*facts()[:1], *probes("store")[:2]], "bare")
    assert any("no store" in note for note in asked.notes)
    assert any("2 facts of the class store were not asked" in note for note in asked.notes)
    with pytest.raises(UserError, match="add facts of another"):
        report(bare, probes("store")[:2], "bare")
