"""What `inverted-u` measures with an oracle, and what it claims from planted rows."""

from random import Random

import pytest

from duotempo.archive.conversation_records import Turn
from duotempo.converse.invented import Invented, questions
from duotempo.converse.model import Dated
from duotempo.converse.sleep import grouped
from duotempo.study.base import Job, Row
from duotempo.study.inverted_u import BUDGET, InvertedU, other_words
from duotempo.study.inverted_u_claims import EVERY, named
from duotempo.tasks.sessions import Life

STUDY, LIFE = InvertedU(), Life(3)


def planted(guarded: float) -> list[Row]:
    """Rewriting rises and falls, rebuilding stays, the guard ends at `guarded`."""
    rows = []
    for seed in (1, 2, 3):
        for x, rewritten in ((8.0, 0.8), (64.0, 0.3)):
            for every in EVERY:
                values = {
                    "rewrite": rewritten,
                    "rebuild": 0.7,
                    "guarded": 0.8 if x < 9 else guarded,
                }
                rows += [Row(named(way, every), seed, "right", x, v) for way, v in values.items()]
            rows += [Row("none", seed, "right", x, 0.2), Row("raw", seed, "right", x, 0.5)]
    return rows


@pytest.mark.parametrize(("guarded", "holds"), [(0.8, True), (0.5, False)])
def test_claims_follow_from_rows(guarded, holds):
    claims = {claim.claim: claim for claim in STUDY.claims(planted(guarded))}
    fall = claims["every 1: from session 8 to the last, rewritten memory's gain minus rebuilt's"]
    assert (round(fall.value, 6), fall.holds) == (-0.5, True)
    own = claims["every 4: guarded over its own best at the last session"]
    assert (round(own.value, 6), own.holds) == (guarded / 0.8, holds)
    worst = claims["guarded minus no memory, worst of sessions 8 to 64 and any pace"]
    assert round(worst.value, 6) == round(min(guarded, 0.8) - 0.2, 6)


def test_noise_around_a_flat_line_is_no_inverted_u():
    random, rows = Random(3), []
    for seed in range(5):
        for x in (8.0, 16.0, 32.0, 64.0):
            rows += [
                Row(named(way, 1), seed, "right", x, 0.8 + random.uniform(-0.05, 0.05))
                for way in ("rewrite", "rebuild")
            ]
    (fall,) = (c for c in STUDY.claims(rows) if "gain" in c.claim)
    assert abs(fall.value) < 0.05
    assert fall.low < 0 < fall.high


def test_what_is_asked_is_worded_as_no_probe_is():
    turns = [Turn(n, 1, n, "user", text, 0.0) for n, text in enumerate(LIFE.sessions[0].turns, 1)]
    probed = {probe.question for probe in questions(turns, Random(0), 40)}
    asked = {other_words(q).text for q in LIFE.questions(1) if q.kind != "before"}
    assert probed
    assert not probed & asked


def test_sixty_four_sessions_of_the_world_are_one_group():
    for seed in range(100, 105):
        life, model = Life(seed), Invented()
        facts = [fact for session in life.sessions for fact in session.facts]
        notes = [Dated(f.slot.note(life.name, f.value), f.session, "day", (1,)) for f in facts]
        assert len(grouped(notes, model, model.context - 2 * BUDGET)) == 1


@pytest.mark.parametrize("arm", ["rewrite, every 8", "guarded, every 8", "raw", "none"])
def test_an_oracle_remembers_all_and_no_memory_only_what_was_never_told(arm):
    rows = STUDY.measure(Job(arm, 0), "smoke", lambda *_: None)
    found = {(row.metric, row.x): row.value for row in rows}
    assert found["unknown", 8.0] == 1.0
    if arm == "none":
        assert found["now", 8.0] == 0.0
    elif arm != "raw":
        assert found["right", 8.0] == found["coverage", 8.0] == 1.0
        assert found["wrong", 8.0] == 0.0
    assert found["tokens", 8.0] <= 200
