"""What a preset costs before latents carry anything, and how policies of thinking are held."""

import json

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.posterior import STANDARD, fresh
from duotempo.models.thinking import OBJECTIVES, RULES, Preset, Thinking

PAPER, TINY = -5.0, 0.01
TABLE = [
    ("adam", 1, 1.85),
    ("adam", 16, 0.0016),
    ("adam", 64, 0.002),
    ("adam-released", 1, 1.83),
    ("adam-released", 4, 1.54),
    ("adam-released", 16, 0.466),
    ("adam-released", 32, 0.032),
]
"""Rule, steps, nats a latent dimension from a start at log-variance -5, measured independently."""


@pytest.mark.parametrize(("rule", "steps", "nats"), TABLE)
def test_a_narrow_start_costs_what_was_measured(rule, steps, nats):
    found = Preset(rule, steps, PAPER).floor()
    assert found == pytest.approx(nats, rel=0.1, abs=TINY)


def test_without_steps_the_start_is_paid_in_full():
    """1/2 (e^-5 - 1 + 5) nats, whatever the rule."""
    for rule in RULES:
        assert Preset(rule, 0, PAPER).floor() == pytest.approx(2.0034, rel=0.02)


@pytest.mark.parametrize("steps", [0, 1, 2, 4, 16, 64])
def test_what_begins_at_the_prior_and_sees_nothing_costs_nothing(steps):
    assert Preset("natural", steps).floor() == 0.0
    assert Preset("adam", steps).floor() == 0.0


def test_a_natural_gradient_comes_back_at_its_own_rate():
    """From precision e^5 the surplus halves with every step."""
    floors = [Preset("natural", steps, PAPER).floor() for steps in (1, 4, 16)]
    excess = [0.5**steps * 148.4 for steps in (1, 4, 16)]
    wanted = [0.5 * (1 / (1 + e) - 1 + torch.tensor(1 + e).log().item()) for e in excess]
    assert floors == pytest.approx(wanted, rel=0.05, abs=1e-3)


def test_a_floor_is_the_same_at_every_call():
    assert len({Preset("adam", 4, PAPER).floor() for _ in range(3)}) == 1
    torch.manual_seed(1)
    before = torch.get_rng_state()
    Preset("langevin", 4, PAPER).floor()
    assert torch.equal(before, torch.get_rng_state())


def test_a_dear_preset_is_refused_a_middling_one_warned_of_and_a_cheap_one_passes():
    """A floor of 1.53 nats, spread over ever more tokens."""
    preset = Preset("adam-released", 4, PAPER)
    with pytest.raises(UserError, match="rule='natural' from log_var=0, more steps"):
        preset.check(dimensions=64, tokens=128)
    warning = preset.check(dimensions=64, tokens=64 * 20)
    assert warning is not None
    assert "adam-released" in warning
    assert "0.077 nats" in warning
    assert preset.check(dimensions=64, tokens=64 * 40) is None


@pytest.mark.parametrize(
    "mended", [Preset("natural", 4), Preset("adam-released", 64, PAPER), Preset("adam", 64, PAPER)]
)
def test_every_mend_that_is_named_mends(mended):
    assert mended.check(dimensions=64, tokens=128) is None


def test_the_start_is_the_prior_or_the_papers():
    like = torch.zeros(50, 4, 32)
    assert STANDARD.kl(Preset().start(like, fresh(0))).max() == 0
    paper = Preset("adam", 16, PAPER).start(like, fresh(0))
    assert paper.mean.std() == pytest.approx(0.01, rel=0.05)
    assert paper.log_var.mean() == pytest.approx(PAPER, abs=0.01)
    assert paper.log_var.std() == pytest.approx(0.1, rel=0.05)


def test_other_steps_leave_the_rest_of_a_preset():
    assert Preset("adam", 4, PAPER).at(9) == Preset("adam", 9, PAPER)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"rule": "sgd"}, "rule='sgd': one of natural, adam"),
        ({"steps": -1}, "steps=-1"),
    ],
)
def test_wrong_presets_are_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        Preset(**wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"segment": 1}, "segment=1"),
        ({"carry": -0.1}, "carry=-0.1"),
        ({"carry": 1.1}, r"carry=1\.1"),
        ({"carry": float("nan")}, "carry=nan"),
        ({"learn": "both"}, "learn='both': one of own, next"),
    ],
)
def test_wrong_policies_are_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        Thinking(**wrong)


@pytest.mark.parametrize("learn", OBJECTIVES)
def test_a_policy_survives_json(learn):
    policy = Thinking(32, Preset("adam", 9, PAPER), 0.5, learn, through=False)
    for thinking in (policy, Thinking()):
        assert Thinking.from_dict(json.loads(json.dumps(thinking.to_dict()))) == thinking


@pytest.mark.parametrize(
    "change",
    [
        {"preset": {"speed": 1}},
        {"preset": None},
        {"mood": "good"},
        {"segment": "long"},
    ],
)
def test_what_no_policy_wrote_is_refused(change):
    with pytest.raises(UserError, match="no policy of thinking"):
        Thinking.from_dict({**Thinking().to_dict(), **change})
    with pytest.raises(UserError, match="no policy of thinking"):
        Thinking.from_dict({"segment": 8})


@pytest.mark.parametrize("change", [{"segment": 0}, {"preset": {"rule": "sgd"}}])
def test_a_written_policy_that_means_nothing_is_refused(change):
    with pytest.raises(UserError, match=r"segment=0|rule='sgd'"):
        Thinking.from_dict({**Thinking().to_dict(), **change})
