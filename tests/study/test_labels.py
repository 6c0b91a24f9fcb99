"""Words of a figure do not cover each other."""

from itertools import combinations, pairwise

from hypothesis import given
from hypothesis import strategies as st

from duotempo.study.labels import Box, free_place, spread

places = st.lists(st.tuples(st.floats(0, 300), st.floats(5, 30)), min_size=1, max_size=8)


@given(places)
def test_spread_pieces_keep_their_order_and_do_not_overlap(pieces):
    wanted, sizes = [p[0] for p in pieces], [p[1] for p in pieces]
    found = spread(wanted, sizes, 0.0, 300.0)
    order = sorted(range(len(pieces)), key=lambda i: wanted[i])
    for i, j in pairwise(order):
        assert found[j] - found[i] >= (sizes[i] + sizes[j]) / 2 - 1e-6
    for place, size in zip(found, sizes, strict=True):
        assert place - size / 2 >= -1e-6
        assert place + size / 2 <= 300 + 1e-6


@given(st.floats(100, 200))
def test_pieces_that_have_room_stay_where_they_are(middle):
    wanted = [middle - 40, middle, middle + 40]
    assert spread(wanted, [20.0] * 3, 0.0, 300.0) == wanted


@given(st.lists(st.tuples(st.floats(0, 300), st.floats(0, 200)), min_size=2, max_size=2))
def test_labels_of_two_marks_keep_clear_of_each_other_and_stay_inside(marks):
    room, labels = Box(0.0, 0.0, 300.0, 200.0), []
    for mark in marks:
        labels.append(free_place(mark, (60.0, 14.0), room, [], labels))
    assert not any(a.meets(b) for a, b in combinations(labels, 2))
    assert all(room.holds((b.x0, b.y0)) and room.holds((b.x1, b.y1)) for b in labels)


def test_a_label_gives_way_to_a_curve():
    above = [(100.0 + i, 115.0) for i in range(-30, 31, 3)]
    box = free_place((100.0, 100.0), (40.0, 12.0), Box(0.0, 0.0, 200.0, 200.0), above, [])
    assert not any(map(box.holds, above))
