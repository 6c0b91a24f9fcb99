"""Does fixed share keep its regret bound, and what does the share cost? No model needed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from random import Random

from duotempo.core import FixedShare, Tell
from duotempo.core.mixture import SHARE
from duotempo.study.base import Claim, Figure, Job, Mark, Row, Size
from duotempo.study.stats import by_seed, claim, curve, exact_claim

HARM = 2.4
"""Nats a token by which the harmful state is worse: 3.5 bits, the most seen on unrelated text."""

HELP = 0.65
"""Nats a token by which the helpful state is better: 0.93 bits, as sleep on a diary gave."""

ARMS = {
    "helpful": "the state helps on every token",
    "harmful": "the state hurts on every token",
    "changing": "the state helps and hurts in turns of 200 tokens",
    "even": "the state changes nothing on average",
    "trap": "whichever voice is trusted more fails next",
}


@dataclass(frozen=True)
class Mixture:
    """Two voices give each token a loss; the mixture is held against the better one of them.

    The voices are drawn, not measured: what is tested is the arithmetic and the choice of `share`,
    not a model. Losses are gamma-distributed with the mean of a small model on prose (5 bits).
    """

    shares: tuple[float, ...] = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
    tokens: int = 2000
    turn: int = 200
    name: str = "mixture"
    question: str = "Does fixed share keep its regret bound, and what does the share cost?"

    @property
    def metrics(self) -> Mapping[str, str]:
        """Losses in bits a token, the bound in nats over a whole text; x is the share."""
        return {
            "over_best": "mixture's loss minus that of the voice better in all, bits/token",
            "over_slow": "mixture's loss minus that of the untouched model, bits/token",
            "slack": "regret bound minus regret, the least over all beginnings of the text, nats",
        }

    def jobs(self, size: Size) -> Sequence[Job]:
        """Every arm with 16 seeds; smoke: two."""
        return [Job(arm, seed) for arm in ARMS for seed in range(2 if size == "smoke" else 16)]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """Nothing is read: the voices are drawn."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Three numbers for each share."""
        rows = []
        for i, share in enumerate(self.shares):
            tell(f"share {share:g}", i, len(self.shares))
            voices = Random(f"{job.arm} {job.seed}")  # the same draws for every share
            fast, slow, mixed = self._text(job.arm, FixedShare(share), voices)
            best = min(sum(fast), sum(slow))
            numbers = {
                "over_best": (sum(mixed) - best) / self.tokens / math.log(2),
                "over_slow": (sum(mixed) - sum(slow)) / self.tokens / math.log(2),
                "slack": _slack(FixedShare(share), fast, slow, mixed),
            }
            rows += [Row(job.arm, job.seed, m, share, value) for m, value in numbers.items()]
        return rows

    def _text(
        self, arm: str, mixture: FixedShare, random: Random
    ) -> tuple[list[float], list[float], list[float]]:
        """Losses in nats of the fast voice, the slow voice and the mixture, token by token."""
        weight, fast, slow, mixed = mixture.start, [], [], []
        for i in range(self.tokens):
            base, noise = random.gammavariate(1.2, 2.9), random.gauss(0, 1)
            helps = {
                "helpful": HELP,
                "harmful": -HARM,
                "changing": HELP if i // self.turn % 2 == 0 else -HARM,
                "even": 0.0,
                "trap": -HARM if weight > 0.5 else HARM,
            }[arm]
            slow.append(base)
            fast.append(max(0.0, base - helps + noise))
            mixed.append(mixture.loss(weight, fast[-1], slow[-1]))
            weight = mixture.step(weight, fast[-1], slow[-1])
        return fast, slow, mixed

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """The bound on every beginning of every text; price, gain and choice of the share."""
        price = [by_seed(rows, arm, "over_best", SHARE) for arm in ("helpful", "harmful")]
        gain = by_seed(rows, "changing", "over_slow", SHARE)
        return [
            self._bound(rows, "shares above 0", [x for x in self.shares if x > 0]),
            self._bound(rows, "share 0", [x for x in self.shares if x == 0]),
            claim(
                f"share {SHARE:g}: price when one voice is better throughout (bits/token)",
                [max(at[seed] for at in price) for seed in gain],
                "<= 0.03",
            ),
            claim(
                f"share {SHARE:g}: loss over the untouched model, changing state (bits/token)",
                list(gain.values()),
                "<= -0.1",
            ),
            claim(
                f"share {SHARE:g} over the best share, worst arm but the trap (bits/token)",
                [self._regret(rows, seed) for seed in gain],
                "<= 0.05",
            ),
        ]

    def _bound(self, rows: Sequence[Row], name: str, shares: Sequence[float]) -> Claim:
        least = min(r.value for r in rows if r.metric == "slack" and r.x in shares)
        return exact_claim(
            f"{name}: bound minus regret, least over arms, seeds and beginnings (nats)",
            least,
            ">= -1e-9",
        )

    def _regret(self, rows: Sequence[Row], seed: int) -> float:
        return max(
            at[SHARE] - min(at.values())
            for at in (
                {x: by_seed(rows, arm, "over_slow", x)[seed] for x in self.shares}
                for arm in ARMS
                if arm != "trap"
            )
        )

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """What each share costs against the better voice, and gains where the state turns."""
        price = Figure(
            title="A small share costs almost nothing when one voice is better throughout",
            x_label="share (part of each voice's weight that goes over at each token)",
            y_label="loss over the better voice (bits/token)",
            series=tuple(
                curve(_above_zero(rows), arm, "over_best") for arm in ("helpful", "harmful", "even")
            ),
            marks=(self._default(rows, "harmful", "over_best"),),
            log_x=True,
            caption="Two invented voices; mean over seeds with a 95 % bootstrap band.",
        )
        gain = Figure(
            title="When the state helps and hurts in turns, a small share follows it best",
            x_label=price.x_label,
            y_label="loss minus the untouched model's (bits/token)",
            series=(
                curve(_above_zero(rows), "changing", "over_slow", name="helps and hurts in turns"),
            ),
            marks=(self._default(rows, "changing", "over_slow"),),
            log_x=True,
            caption=f"It turns every {self.turn} tokens. Below zero is better than no memory.",
        )
        return [price, gain]

    def _default(self, rows: Sequence[Row], arm: str, metric: str) -> Mark:
        values = by_seed(rows, arm, metric, SHARE).values()
        return Mark(SHARE, sum(values) / len(values), f"default, {SHARE:g}")


def _above_zero(rows: Iterable[Row]) -> list[Row]:
    return [row for row in rows if row.x]  # a logarithmic axis has no place for share 0


def _slack(
    mixture: FixedShare, fast: Sequence[float], slow: Sequence[float], mixed: Sequence[float]
) -> float:
    totals = zip(accumulate(fast), accumulate(slow), accumulate(mixed), strict=True)
    return min(
        mixture.regret_bound(n) - (m - min(f, s)) for n, (f, s, m) in enumerate(totals, start=1)
    )
