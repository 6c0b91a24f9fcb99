"""The study of stores: its probes are what they say, a smoke run walks, rows become claims."""

import math

import pytest
import torch

from duotempo.core import silent
from duotempo.flow.probe import kinds_of
from duotempo.recipes.almanac import ARMS, STORE, TASK, WITHOUT
from duotempo.study import Row
from duotempo.study.figure import WIDE, svg
from duotempo.study.flow_store import FlowStore, recipe
from duotempo.study.flow_store_claims import IN_WEIGHTS, MANY, ONE
from duotempo.study.flow_store_probes import Asking
from duotempo.study.run import Job

ASK = Asking(TASK, seed=3, documents=3)


def test_smoke_walks_the_whole_way(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = FlowStore()
    rows = [row for job in study.jobs("smoke") for row in study.measure(job, "smoke", silent)]
    assert {row.metric for row in rows} <= set(study.metrics)
    assert all(math.isfinite(row.value) for row in rows)
    assert any(row.metric == "edit.store.headline" for row in rows)
    assert {r.arm for r in rows if r.metric.startswith("startless")} == {STORE}
    assert {c.claim[:3] for c in study.claims(rows)} >= {"(a)", "(b)", "(c)", "(d)"}
    assert all("<svg" in svg(f, "f", WIDE) for f in study.figures(rows) if f.series)
    assert not any(r.metric.startswith("edit.store") and r.arm == WITHOUT for r in rows)


def test_twins_differ_in_the_answers_alone():
    answers = range(TASK.answer(0, 0), TASK.answer(TASK.relations - 1, TASK.answers - 1) + 1)
    for probe in ASK.probes():
        assert len(probe.document) == len(probe.twin)
        changed = (probe.document != probe.twin).nonzero()[:, 0]
        assert len(changed) == ASK.told + 4
        assert all(int(probe.document[at]) in answers for at in changed)


def test_a_document_says_its_facts_and_not_those_of_weights():
    probes = ASK.probes()
    assert kinds_of(probes) == ["weights", "near", "far", "store"]
    for probe in probes:
        for question in probe.questions:
            subject, relation = question.tokens.tolist()
            forms = [TASK.relation((relation - TASK.subjects) // 2, form) for form in (0, 1)]
            told = [
                text[2]
                for text in probe.document.unfold(0, 3, 1).tolist()
                if text[0] == subject and text[1] in forms
            ]
            assert told == ([] if probe.kind == "weights" else [question.firsts[0]])


def test_what_should_stay_is_never_edited():
    edits = ASK.edits(100)
    edited = {tuple(edit.fact.split("/")) for edit in edits}
    assert len(edited) == len(edits) == 100
    for edit in edits:
        assert torch.equal(edit.statement[:2], edit.questions[0].tokens)
        assert int(edit.statement[2]) == edit.questions[0].firsts[0]
        assert len(edit.same_subject) == 2
        for question in (*edit.neighbours, *edit.same_subject):
            subject, relation = question.tokens.tolist()
            key = (subject, (relation - TASK.subjects) // 2)
            assert tuple(map(str, key)) not in edited
            assert question.firsts[0] == TASK.answer(key[1], TASK.facts[key])
            assert int(edit.statement[2]) in question.firsts[1:], "a leak would not be seen"


def test_arms_have_equal_weights_and_steps():
    runs = [recipe(Job(arm, 7), "full") for arm in ARMS]
    sizes = [sum(p.numel() for p in run.model.build().parameters()) for run in runs]
    assert max(sizes) / min(sizes) < 1.03
    assert len({run.steps for run in runs}) == 1
    assert all(run.stages[0].task.world == 7 for run in runs)


def planted(**values: float) -> list[Row]:
    """Rows of both arms and two seeds."""
    return [
        Row(arm, seed, metric.replace("__", "."), None, value)
        for arm in ARMS
        for seed in (100, 101)
        for metric, value in values.items()
    ]


@pytest.mark.parametrize(("spread", "holds"), [(0.3, True), (0.001, False)])
def test_the_view_holds_where_the_rows_say_so(spread, holds):
    claims = FlowStore().claims(planted(spread__weights=spread))
    found = {c.claim: c for c in claims}
    assert found[f"(c) {STORE}: weight facts, spread over contexts and wordings"].holds is holds


def test_the_best_way_to_edit_weights_is_what_the_store_is_held_against():
    rows = [Row(WITHOUT, 100, f"edit.{way}.headline", MANY, 0.2) for way in IN_WEIGHTS[:1]]
    rows += [Row(WITHOUT, 100, "edit.fine-tune.headline", MANY, 0.7)]
    rows += [Row(STORE, 100, "edit.store.headline", MANY, 0.9)]
    rows += [Row(WITHOUT, 100, f"edit.{way}.headline", ONE, 0.5) for way in IN_WEIGHTS]
    found = {c.claim: c for c in FlowStore().claims(rows)}
    gain = next(c for text, c in found.items() if "store minus the best way" in text)
    assert gain.value == pytest.approx(0.2)
    hundred = next(c for text, c in found.items() if "100 edits of weights" in text)
    assert (hundred.value, hundred.holds) == (0.7, False)
