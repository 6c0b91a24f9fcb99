"""Laws of the interval, and what a target means."""

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.study import Row
from duotempo.study.stats import by_seed, claim, curve, exact_claim, interval, mean, reaches

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


def ratio(pairs):
    return sum(a for a, _ in pairs) / sum(b for _, b in pairs)


@given(values)
def test_an_interval_lies_within_the_values_and_is_the_same_each_time(items):
    value, low, high = interval(items, draws=100)
    room = 1e-9 * max(1, *map(abs, items))
    assert min(items) - room <= low <= high <= max(items) + room
    assert value == mean(items)
    assert interval(items, draws=100) == (value, low, high)


@given(values, st.floats(0.1, 10), st.floats(-100, 100))
def test_an_interval_moves_and_stretches_with_the_values(items, scale, shift):
    moved = interval([scale * item + shift for item in items], draws=100)
    expected = [scale * end + shift for end in interval(items, draws=100)]
    assert moved == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.floats(-1e6, 1e6))
def test_one_seed_has_no_spread(item):
    assert interval([item]) == (item, item, item)


@given(st.lists(st.floats(0.1, 100), min_size=2, max_size=9))
def test_what_belongs_to_one_seed_is_drawn_together(items):
    pairs = [(3 * item, item) for item in items]
    assert interval(pairs, ratio, draws=50) == pytest.approx((3, 3, 3))


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    random = numpy.random.default_rng(5)
    bounds = [interval(list(random.normal(1.0, 1.0, 24)), draws=200, seed=i) for i in range(200)]
    covered = sum(low <= 1.0 <= high for _, low, high in bounds) / len(bounds)
    assert 0.87 <= covered <= 0.99


def test_no_value_is_refused_with_the_reason():
    with pytest.raises(UserError, match="no row fits"):
        interval([])


@pytest.mark.parametrize(
    ("value", "target", "met"),
    [
        (0.85, ">= 0.85", True),
        (0.849, ">= 0.85", False),
        (0.01, "<= 0.01 bits/token", True),
        (-2e-9, ">= -1e-9", False),
        (0.0, "== 0", True),
        (0.0, "> 0", False),
        (-0.1, "<.5", True),
    ],
)
def test_a_target_is_a_comparison_and_a_number(value, target, met):
    assert reaches(value, target) is met
    assert exact_claim("c", value, target).holds is met


@pytest.mark.parametrize("target", ["", "0.85", "=> 1", ">= high", "0.1 to 0.3", ">= 0.5x"])
def test_a_target_of_another_form_is_refused(target):
    with pytest.raises(UserError, match="write a comparison and a number"):
        reaches(1.0, target)


def test_a_claim_is_judged_by_its_value_though_the_interval_crosses_the_target():
    made = claim("c", [0.0, 2.0], ">= 1")
    assert (made.value, made.holds) == (1.0, True)
    assert made.low < 1 < made.high


def test_rows_are_found_by_arm_metric_and_place():
    rows = [Row("a", 2, "m", 1.0, 5.0), Row("a", 1, "m", 1.0, 3.0), Row("a", 1, "m", None, 9.0)]
    rows += [Row("b", 1, "m", 1.0, 7.0), Row("a", 1, "n", 1.0, 8.0)]
    assert by_seed(rows, "a", "m", 1.0) == {1: 3.0, 2: 5.0}
    assert list(by_seed(rows, "a", "m", 1.0)) == [1, 2]
    assert by_seed(rows, "a", "m") == {1: 9.0}
    (point,) = curve(rows, "a", "m").points
    assert (point.x, point.mean) == (1.0, 4.0)
    assert point.low <= 4.0 <= point.high
