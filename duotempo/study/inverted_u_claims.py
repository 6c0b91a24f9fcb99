"""What `inverted-u` claims, and how it is shown."""

from collections.abc import Sequence

from duotempo.study.base import Claim, Figure, Row
from duotempo.study.stats import by_seed, claim, curve, minus, over, there

EVERY = (1, 2, 4, 8)
LAST = 64.0


def named(way: str, every: int) -> str:
    """An arm's name."""
    return f"{way}, every {every}"


def all_claims(rows: Sequence[Row]) -> list[Claim]:
    """The U, the guard against none, against its own best, against raw sessions."""
    none, raw = (by_seed(rows, arm, "right", LAST) for arm in ("none", "raw"))
    said: list[tuple[str, list[float], str]] = []
    for every in EVERY:
        rewritten, rebuilt, kept = (
            by_seed(rows, named(way, every), "right", LAST)
            for way in ("rewrite", "rebuild", "guarded")
        )
        pace = f"every {every}"
        said += [
            (
                f"{pace}: from session 8 to the last, rewritten memory's gain minus rebuilt's",
                minus(gained(rows, "rewrite", every), gained(rows, "rebuild", every)),
                "< 0",
            ),
            (
                f"{pace}: rebuilt minus rewritten at the last session",
                minus(rebuilt, rewritten),
                "> 0",
            ),
            (f"{pace}: guarded minus no memory at the last session", minus(kept, none), ">= 0"),
            (
                f"{pace}: guarded over its own best at the last session",
                over(kept, best(rows, named("guarded", every))),
                ">= 0.95",
            ),
            (f"{pace}: guarded minus raw sessions at the last session", minus(kept, raw), ">= 0"),
        ]
    none = by_seed(rows, "smollm2: none", "now", 4.0)
    for way in ("rewrite", "rebuild"):
        small = by_seed(rows, f"smollm2: {named(way, 1)}", "now", 4.0)
        text = f"smollm2, one person: {way} minus no memory after 4 sessions, what is true now"
        said.append((text, minus(small, none), "> 0"))
    lowest = lowest_gap(rows)
    said.append(("guarded minus no memory, worst of sessions 8 to 64 and any pace", lowest, ">= 0"))
    return [claim(text, values, target) for text, values, target in said if values]


def gained(rows: Sequence[Row], way: str, every: int) -> dict[int, float]:
    """By seed, right answers after the last session minus those after the eighth. Questions become
    harder as values change, so it says something beside another way on the same people only."""
    early, late = (by_seed(rows, named(way, every), "right", x) for x in (8.0, LAST))
    return {seed: late[seed] - early[seed] for seed in sorted(early.keys() & late.keys())}


def best(rows: Sequence[Row], arm: str) -> dict[int, float]:
    """By seed, the best share of right answers of any look from the eighth session on."""
    found: dict[int, float] = {}
    for row in rows:
        if (row.arm, row.metric) == (arm, "right") and (row.x or 0) >= 8:
            found[row.seed] = max(row.value, found.get(row.seed, 0.0))
    return found


def lowest_gap(rows: Sequence[Row]) -> list[float]:
    """By seed, guarded minus none where that is smallest, once every pace has slept."""
    found: dict[int, float] = {}
    for x in (8.0, 16.0, 32.0, 64.0):
        none = by_seed(rows, "none", "right", x)
        for every in EVERY:
            kept = by_seed(rows, named("guarded", every), "right", x)
            for seed in kept.keys() & none.keys():
                found[seed] = min(found.get(seed, 1.0), kept[seed] - none[seed])
    return [found[seed] for seed in sorted(found)]


def all_figures(rows: Sequence[Row]) -> list[Figure]:
    """A figure a measure: rewriting at the quickest and the slowest pace, and what stands
    against it; every pace of rebuilding is alike once it has slept."""
    often, seldom = EVERY[0], EVERY[-1]
    shown = [named("rewrite", often), named("rewrite", seldom), named("guarded", often)]
    titles = {
        "right": ("Questions answered right", "share of questions"),
        "coverage": ("True values in memory, with their evidence", "share of true values"),
    }
    return [
        Figure(
            title, "sessions", label,
            there([curve(rows, arm, metric) for arm in (*shown, "raw", "none")]), log_x=True,
        )
        for metric, (title, label) in titles.items()
    ]  # fmt: skip
