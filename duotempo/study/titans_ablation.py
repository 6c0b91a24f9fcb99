"""What each part of the memory is worth: the same needles with one part taken away."""

from collections.abc import Sequence
from dataclasses import dataclass

from duotempo.recipes.needle import ABLATIONS
from duotempo.study.base import Claim, Figure, Point, Row, Series
from duotempo.study.stats import by_seed, claim, interval
from duotempo.study.titans_needle import BEST, ENDS, Reading, TitansNeedle

FAR = 65_536.0


@dataclass(frozen=True)
class TitansAblation(TitansNeedle):
    """Arms: the whole memory, and one part less at a time; trained and asked alike."""

    name: str = "titans-ablation"
    question: str = "What is each part of the memory worth?"
    arms: tuple[str, ...] = (BEST, *ABLATIONS)
    smoke: tuple[str, ...] = (BEST, "without momentum")
    seeds: int = 2

    def reading(self, arm: str) -> Reading:
        """All alike, and no further than a claim asks."""
        return Reading(16, ENDS[:5])

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What an arm loses beside the whole: recall far away, four named keys, bits of prose."""
        found = []
        for metric, x, text, target in (
            ("passkey", FAR, f"passkey after {FAR:,.0f} bytes, exact", "<= 0"),
            ("keys", 4096.0, "one of four keys in 4,096 bytes, exact", "<= 0"),
            ("bits", None, "bits per byte of held-out prose", ">= 0"),
        ):
            whole = by_seed(rows, BEST, metric, x)
            for arm in ABLATIONS:
                values = by_seed(rows, arm, metric, x)
                change = [values[seed] - whole[seed] for seed in values if seed in whole]
                if change:
                    found.append(claim(f"{arm} minus the whole: {text}", change, target))
        return found

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Four named keys, and prose, by arm."""
        places = sorted({r.x for r in rows if r.metric == "keys" and r.x is not None})
        keys = self._dots(rows, "keys", places[-1] if places else None)
        bits = self._dots(rows, "bits", None)
        return [
            Figure("What telling four named keys apart hangs on", "arm", "exact (share)", keys),
            Figure("What prose pays", "arm", "bits per byte of held-out prose", bits),
        ]

    def _dots(self, rows: Sequence[Row], metric: str, x: float | None) -> tuple[Series, ...]:
        """One dot an arm, in the order of the arms."""
        found = [(arm, list(by_seed(rows, arm, metric, x).values())) for arm in self.arms]
        there = [(arm, values) for arm, values in found if values]
        return tuple(
            Series(arm, (Point(i + 1.0, *interval(values)),), "dots")
            for i, (arm, values) in enumerate(there)
        )
