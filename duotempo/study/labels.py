"""Where the words of a figure go, so that they cover neither each other nor a curve. In pixels."""

from collections.abc import Sequence
from dataclasses import dataclass

RING = 10
"""Distance of a mark's label from the mark."""


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

    def grid(self) -> list[tuple[float, float]]:
        """Places all over the rectangle, for the next label to keep clear of."""
        steps = [i / 4 for i in range(5)]
        wide, tall = self.x1 - self.x0, self.y1 - self.y0
        return [(self.x0 + wide * a, self.y0 + tall * b) for a in steps for b in steps]


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
    taken: Sequence[tuple[float, float]],
) -> Box:
    """The place round a point, among eight, where a label covers least and stays in the room."""
    x, y = point
    wide, tall = size
    columns = {"left": x - RING - wide, "middle": x - wide / 2, "right": x + RING}
    lines = {"above": y + RING, "beside": y - tall / 2, "below": y - RING - tall}
    boxes = [
        Box(columns[c], lines[r], columns[c] + wide, lines[r] + tall)
        for r in ("above", "below", "beside")
        for c in ("middle", "right", "left")
        if (r, c) != ("beside", "middle")
    ]

    def cost(box: Box) -> int:
        corners = [(box.x0, box.y0), (box.x1, box.y1)]
        return sum(map(box.holds, taken)) + 100 * sum(not room.holds(c) for c in corners)

    return min(boxes, key=cost)
