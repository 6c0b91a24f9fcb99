"""Draw one picture a pass of sleep: a ring of nodes, arrows as dark as the answers are right."""

from math import cos, pi, sin
from pathlib import Path

from duotempo.recipes.sleep import SMALL
from duotempo.study.results import load
from duotempo.study.sleep_depo_claims import SAMPLED
from duotempo.study.stats import by_seed, mean
from duotempo.study.style import LIGHT

HERE = Path(__file__).parent
RESULT = HERE.parent / "benchmarks" / "results" / "sleep-depo.json"
PASSES = (1, 2, 3, 4)
SIZE, RADIUS, DOT, ROOM = 220, 84, 11, 5
COLOURS = [LIGHT[f"series-{i}"] for i in (6, 1, 3, 2)]
"""By number of hops."""


def place(node: int, radius: float = RADIUS) -> tuple[float, float]:
    """Where a node of the ring stands, the first on top."""
    angle = 2 * pi * node / SMALL.nodes - pi / 2
    return SIZE / 2 + radius * cos(angle), SIZE / 2 + radius * sin(angle)


def arrow(start: int, hops: int, right: float) -> str:
    """An arrow over so many hops, bent inwards, as dark as it is right."""
    (x0, y0), (x1, y1) = place(start), place(start + hops)
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    cut = (DOT + ROOM) / length
    x0, y0, x1, y1 = (
        x0 + (x1 - x0) * cut,
        y0 + (y1 - y0) * cut,
        x1 - (x1 - x0) * cut,
        y1 - (y1 - y0) * cut,
    )
    bend = 0.12 if hops > 1 else 0.0
    x, y = (
        (x0 + x1) / 2 * (1 - bend) + bend * SIZE / 2,
        (y0 + y1) / 2 * (1 - bend) + bend * SIZE / 2,
    )
    seen = max(0.0, (right - SMALL.chance) / (1 - SMALL.chance))
    return (
        f'<path d="M{x0:.1f} {y0:.1f} Q{x:.1f} {y:.1f} {x1:.1f} {y1:.1f}" fill="none" '
        f'stroke="{COLOURS[hops - 1]}" stroke-width="1.6" opacity="{seen**2:.3f}" '
        f'marker-end="url(#to{hops})"/>'
    )


def picture(passes: int, right: dict[int, float]) -> str:
    """The ring after so many passes."""
    heads = "".join(
        f'<marker id="to{hops}" viewBox="0 0 6 6" refX="5" refY="3" markerWidth="5" '
        f'markerHeight="5" orient="auto"><path d="M0 0L6 3L0 6z" fill="{colour}"/></marker>'
        for hops, colour in enumerate(COLOURS, start=1)
    )
    arrows = "".join(
        arrow(node, hops, right[hops])
        for hops in range(SMALL.hops, 0, -1)
        for node in range(SMALL.nodes)
    )
    dots = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{DOT}" fill="{LIGHT["raised"]}" '
        f'stroke="{LIGHT["soft"]}"/><text x="{x:.1f}" y="{y + 4:.1f}" text-anchor="middle" '
        f'font-family="sans-serif" font-size="11" fill="{LIGHT["ink"]}">{chr(65 + node)}</text>'
        for node in range(SMALL.nodes)
        for x, y in (place(node),)
    )
    told = " · ".join(f"{share:.2f}" for share in right.values())
    word = "1 pass" if passes == 1 else f"{passes} passes"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIZE} {SIZE + 24}" width="{SIZE}" '
        f'role="img" aria-label="{word}: right by hops {told}">'
        f'<rect width="100%" height="100%" fill="{LIGHT["paper"]}"/><defs>{heads}</defs>{arrows}'
        f'{dots}<text x="{SIZE / 2}" y="{SIZE + 14}" text-anchor="middle" font-family="sans-serif" '
        f'font-size="11" fill="{LIGHT["soft"]}">right: {told}</text></svg>\n'
    )


def pictures() -> dict[str, str]:
    """All pictures by their files, from the committed rows."""
    rows, made = load(RESULT).rows, {}
    for passes in PASSES:
        right = {
            hop: mean(list(by_seed(rows, SAMPLED, f"hop.{hop}", float(passes)).values()))
            for hop in range(1, SMALL.hops + 1)
        }
        made[f"sleep-pass-{passes}.svg"] = picture(passes, right)
    return made


if __name__ == "__main__":
    for _name, _svg in pictures().items():
        (HERE / "figures" / _name).write_text(_svg, encoding="utf-8")
