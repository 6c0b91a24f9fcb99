"""Laws of rule 110: known evolutions, a ring, labels of the right string, a fair guess."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks.batch import score
from duotempo.tasks.rule110 import Rule110, evolved


def test_the_triangle_of_rule_110_grows_to_the_left():
    """From a single cell, as in Wolfram's A New Kind of Science, page 32."""
    start = torch.zeros(1, 16, dtype=torch.int64)
    start[0, 12] = 1
    seen = ["".join(map(str, evolved(start, t)[0, 6:13].tolist())) for t in range(6)]
    assert seen == ["0000001", "0000011", "0000111", "0001101", "0011111", "0110001"]


@settings(deadline=None, max_examples=20)
@given(turn=st.integers(0, 11), steps=st.integers(0, 6), seed=st.integers(0, 10_000))
def test_a_ring_has_no_first_cell(turn, steps, seed):
    g = torch.Generator().manual_seed(seed)
    bits = torch.randint(0, 2, (3, 12), generator=g)
    turned = evolved(bits.roll(turn, -1), steps)
    assert torch.equal(turned, evolved(bits, steps).roll(turn, -1))


@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_label_is_the_first_bit_of_its_own_string(steps):
    task = Rule110(steps, strings=3, width=8, rows=16)
    batch = task.batch(2, 0)
    labels = batch.targets[:, -3:]
    for number in range(3):
        string = batch.tokens[:, 8 * number : 8 * number + 8]
        assert torch.equal(labels[:, number], evolved(string, steps)[:, 0])
    assert score(task.oracle(batch.tokens), batch).exact == 1.0


def test_windows_hold_one_string_and_the_last_one_the_questions():
    batch = Rule110().batch(0, 0)
    assert batch.tokens.shape == (64, 100)
    assert not batch.answers[:, :96].any()
    assert batch.answers[:, 96:].all()


@pytest.mark.parametrize("steps", [0, 1, 2, 4, 12])
def test_the_best_constant_guess_gets_what_chance_says(steps):
    task = Rule110(steps, rows=8192, width=25)
    batch = task.batch(0, 0)
    guesses = [torch.full_like(batch.targets, bit) for bit in (0, 1)]
    best = max(score(guess, batch).exact for guess in guesses)
    assert best == pytest.approx(task.chance, abs=0.015)


def test_one_step_makes_ones_of_five_neighbourhoods_in_eight():
    assert Rule110(1).chance == pytest.approx((5 / 8) ** 4)
    assert Rule110(0).chance == pytest.approx(1 / 16)


def test_sizes_that_cannot_be_are_refused():
    for wrong in ({"width": 2}, {"steps": -1}, {"steps": 65}, {"strings": 0}):
        with pytest.raises(UserError, match="ring has at least 3"):
            Rule110(**wrong)
