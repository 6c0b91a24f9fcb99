"""What `inverted-u` measures with an oracle, and what it claims from planted rows."""

import pytest

from duotempo.study.base import Job, Row
from duotempo.study.inverted_u import InvertedU
from duotempo.study.inverted_u_claims import EVERY, named

STUDY = InvertedU()


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
    fall = claims["every 1: rewritten memory, last minus its best"]
    assert (round(fall.value, 6), fall.holds) == (-0.5, True)
    own = claims["every 4: guarded over its own best at the last session"]
    assert (round(own.value, 6), own.holds) == (guarded / 0.8, holds)
    worst = claims["guarded minus no memory, worst session of any pace"]
    assert round(worst.value, 6) == round(min(guarded, 0.8) - 0.2, 6)


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
