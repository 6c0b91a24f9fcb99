"""Laws of the report: strangers' texts are escaped, the tree is whole, curves by both costs."""

from duotempo.adapt.run import Adapted
from duotempo.adapt.store import PromptStore
from duotempo.study.adapt_page import descended, figures, report

EVIL = "<script>alert(1)</script>"


def row(cycle, **other):
    """A cycle's row."""
    return {
        "cycle": cycle, "steps": cycle, "offered": 2 * cycle, "reused": 0, "faults": 0,
        "rollouts": {"fast": 10 * cycle, "slow": 20 * cycle}, "reward": 0.5 if cycle else None,
        "test": 0.1 * cycle, "seed_test": 0.0, "kl": {"own": 0.1, "seed": 0.2, "broad": 0.3},
        "prompt": EVIL, "prompts": 1, "under": 1, "verdict": EVIL, "seconds": {"search": 1.0},
    } | other  # fmt: skip


def prompt(number, parent, text="say"):
    """A prompt of the tree."""
    return {
        "number": number, "parent": parent, "cycle": 0, "by": EVIL, "alive": True, "text": text
    }  # fmt: skip


TREE = [prompt(0, None), prompt(1, 0, EVIL), prompt(2, 0), prompt(3, 1)]


def done(tmp_path, retention):
    """A finished run."""
    return Adapted(tmp_path, [row(0), row(1), row(2)], PromptStore(), TREE, retention)


def test_no_text_of_a_stranger_becomes_a_tag(tmp_path):
    said = report(EVIL, done(tmp_path, {EVIL: (0.5, 0.4)}), EVIL)
    assert EVIL not in said
    assert said.count("&lt;script&gt;") >= 6
    assert "<script" not in said


def test_children_stand_below_their_parents():
    assert [(d, p["number"]) for d, p in descended(TREE, None, 0)] == [
        (0, 0),
        (1, 1),
        (2, 3),
        (1, 2),
    ]


def test_scores_are_drawn_against_steps_and_against_answers(tmp_path):
    drawn = list(figures(done(tmp_path, {}).rows))
    by_steps, by_answers, drift = drawn
    assert [point.x for point in by_steps.series[0].points] == [0.0, 2.0, 4.0]
    assert [point.x for point in by_answers.series[0].points] == [0.0, 30.0, 60.0]
    assert len(by_steps.series[2].points) == 2  # no reward before the first step
    assert [series.points[-1].mean for series in drift.series] == [0.1, 0.2, 0.3]


def test_weights_that_never_moved_have_no_drift_to_draw():
    still = {"own": 0.0, "seed": 0.0, "broad": 0.0}
    assert len(list(figures([row(0, kl=still), row(1, kl=still)]))) == 2
