"""Laws of a policy of sleep: what it refuses, and that it survives its plain values."""

from dataclasses import replace

import pytest

from duotempo.core import UserError
from duotempo.sleep.policy import Policy
from duotempo.sleep.recurrent import SleeperConfig
from tests.sleep.sleepers import HARD, HYBRID

BAD = {
    "window=0": {"window": 0},
    "which is reading alone": {"passes": 0},
    "passes=-2": {"passes": -2},
    "eviction='soft'": {"eviction": "soft"},
    "carry='all'": {"carry": "all"},
    "truncate=0": {"truncate": 0},
    "blocks 0 to 1": {"looped": (1, 3)},
    "first one": {"looped": (2, 2)},
    "hold no fast weights": {"looped": (0, 1)},
}


@pytest.mark.parametrize("said", BAD)
def test_a_policy_that_cannot_be_says_what_would(said):
    with pytest.raises(UserError, match=said.replace("(", r"\(")):
        SleeperConfig(HYBRID, replace(HARD, **BAD[said]))


def test_a_policy_survives_its_plain_values():
    for policy in (HARD, replace(HARD, looped=(1, 3), truncate=2, sampled=True)):
        assert Policy.from_dict(policy.to_dict()) == policy
    wrongs = (
        *({"looped": each} for each in (5, [1], "ab", [0, 1.5], [0, 1, 2], {"a": 1, "b": 2})),
        *({"sampled": each} for each in ("no", 1, None)),
        *({"passes": each} for each in (0, 10**9, True, 2.0)),
        *({"truncate": each} for each in (0, 1.5, "1")),
        {"windows": 3},
        {"window": "9"},
        {"both_ways": "x"},
        {"checkpoint": 3},
    )
    for wrong in wrongs:
        with pytest.raises(UserError):
            Policy.from_dict(wrong)
