"""Two voices, one mixture: fixed-share weights over a model without and with its fast state."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from duotempo.core.errors import UserError

SHARE, START = 0.02, 0.5
LEAST = 2.0**-30  # nearer to 0 or 1 a weight is rounded so much that it could stay there for ever


@dataclass(frozen=True)
class FixedShare:
    """The fast voice's weight, moved by what each voice gave to the token that came.

    The mixture's loss on T tokens is at most the better voice's plus
    -log(min(start, 1 - start)) - (T - 1) log(1 - share) nats: a regret bound, not a hope.
    Source: fixed share, Herbster and Warmuth 1998. `share` must lie in [0, 0.5]
    (0: Bayes' rule, with no weight under 1e-9), `start` in (0, 1).
    """

    share: float = SHARE
    start: float = START

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 0.5 or not 0 < self.start < 1:
            raise UserError(
                f"share={self.share}, start={self.start}: "
                "share must lie in [0, 0.5] and start in (0, 1)"
            )

    def loss(self, weight: float, fast: float, slow: float) -> float:
        """The mixture's loss in nats on one token that cost the voices `fast` and `slow` nats."""
        least = min(fast, slow)
        return least - math.log(
            weight * math.exp(least - fast) + (1 - weight) * math.exp(least - slow)
        )

    def step(self, weight: float, fast: float, slow: float) -> float:
        """The fast voice's weight after that token: Bayes' rule, then a share of each goes over."""
        least = min(fast, slow)
        mine, other = weight * math.exp(least - fast), (1 - weight) * math.exp(least - slow)
        weight = mine / (mine + other)
        shared = weight * (1 - self.share) + (1 - weight) * self.share
        return min(max(shared, LEAST), 1 - LEAST)

    def losses(self, fast: Sequence[float], slow: Sequence[float]) -> list[float]:
        """The mixture's loss in nats on each token of a text, from both voices' losses in nats."""
        weight, out = self.start, []
        for f, s in zip(fast, slow, strict=True):
            out.append(self.loss(weight, f, s))
            weight = self.step(weight, f, s)
        return out

    def regret_bound(self, tokens: int) -> float:
        """The most nats that mixing costs, in all, against the better voice on `tokens` tokens."""
        share = max(self.share, LEAST)
        return -math.log(min(self.start, 1 - self.start)) - (tokens - 1) * math.log(1 - share)
