"""What each part of the memory is worth: the same needles with one part taken away."""

from collections.abc import Sequence
from dataclasses import dataclass

from duotempo.recipes.needle import ABLATIONS
from duotempo.study.base import Claim, Figure, Point, Row, Series
from duotempo.study.stats import by_seed, claim, curve, interval
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
        """Recall by distance, and four named keys by arm."""
        there = [arm for arm in self.arms if by_seed(rows, arm, "bits")]
        places = sorted({r.x for r in rows if r.metric == "keys" and r.x is not None})
        far = Figure(
            title="What recall far away hangs on",
            x_label="bytes read since the stream began",
            y_label="passkeys recalled exactly (share)",
            series=tuple(curve(rows, arm, "passkey") for arm in there),
            log_x=True,
            caption="Mean over seeds.",
        )
        keys = Figure(
            title="What telling four named keys apart hangs on",
            x_label="arm: " + ", ".join(f"{i + 1} {arm}" for i, arm in enumerate(there)),
            y_label="one of four keys, exact (share)",
            series=tuple(
                Series(arm, (Point(i + 1.0, *interval(values)),), "dots")
                for i, arm in enumerate(there)
                for x in places[-1:]
                if (values := list(by_seed(rows, arm, "keys", x).values()))
            ),
        )
        return [far, keys]
