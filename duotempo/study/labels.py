"""Where the words of a figure go, so that they cover neither each other nor a curve. In pixels."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

GAPS = (10.0, 26.0, 44.0)
"""Distances of a mark's label from the mark, the nearest first."""


@dataclass(frozen=True)
class Box:
    """A rectangle; y grows upwards."""

    x0: float
    y0: float
    x1: float
    y1: float

    def holds(self, place: tuple[float, float]) -> bool:
        """Whether a place lies inside."""
        return self.x0 <= place[0] <= self.x1 and self.y0 <= place[1] <= self.y1

    def distance(self, place: tuple[float, float]) -> float:
        """How far a place lies outside; 0 inside."""
        x, y = place
        return math.hypot(
            max(self.x0 - x, 0, x - self.x1),
            max(self.y0 - y, 0, y - self.y1),
        )

    def meets(self, other: "Box") -> bool:
        """Whether two rectangles share any place."""
        return (
            self.x0 < other.x1 and other.x0 < self.x1 and self.y0 < other.y1 and other.y0 < self.y1
        )


def spread(wanted: Sequence[float], sizes: Sequence[float], low: float, high: float) -> list[float]:
    """Middles as near to `wanted` as may be, so that pieces of these sizes, in the same order, do
    not overlap and stay within [low, high] (when they fit there at all)."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    places, floor = list(wanted), low
    for i in order:
        places[i] = max(places[i], floor + sizes[i] / 2)
        floor = places[i] + sizes[i] / 2
    ceiling = high
    for i in reversed(order):
        places[i] = min(places[i], ceiling - sizes[i] / 2)
        ceiling = places[i] - sizes[i] / 2
    return places


def free_place(
    point: tuple[float, float],
    size: tuple[float, float],
    room: Box,
    curves: Sequence[tuple[float, float]],
    labels: Sequence[Box],
) -> Box:
    """The place round a point, near it or a little off, where a label covers the fewest places of
    the curves, no other label if that can be, and stays in the room."""
    gaps = sorted(product(GAPS, GAPS), key=sum)
    boxes = [box for gap in gaps for box in _round(point, size, gap)]

    def cost(box: Box) -> int:
        outside = sum(not room.holds(c) for c in ((box.x0, box.y0), (box.x1, box.y1)))
        return sum(map(box.holds, curves)) + 100 * (outside + sum(map(box.meets, labels)))

    return min(boxes, key=cost)


def _round(
    point: tuple[float, float], size: tuple[float, float], gap: tuple[float, float]
) -> list[Box]:
    """The eight boxes of this size round a point, so far off to the side and up, above first."""
    (x, y), (wide, tall) = point, size
    columns = {"middle": x - wide / 2, "right": x + gap[0], "left": x - gap[0] - wide}
    lines = {"above": y + gap[1], "below": y - gap[1] - tall, "beside": y - tall / 2}
    return [
        Box(left, low, left + wide, low + tall)
        for line, low in lines.items()
        for column, left in columns.items()
        if (line, column) != ("beside", "middle")
    ]
