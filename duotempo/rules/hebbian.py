"""Hebbian rule: add every value under its key, whatever was there (decaying linear attention)."""

from dataclasses import dataclass

from duotempo.rules.decay import Coefficients
from duotempo.rules.gates import Step
from duotempo.rules.linear import Linear, Seen
from duotempo.rules.rule import Queries, Values, Weights
from duotempo.rules.state import Memory


@dataclass(frozen=True)
class Hebbian(Linear):
    """M_t = (1 - alpha_t) M_{t-1} + theta_t k_t^T v_t.

    With a slow start, v stands for what the start misses, v - k W_0.
    """

    def write(self, state: Memory, k: Queries, v: Values, step: Step, base: Weights) -> Memory:
        """One token."""
        missed = v - k @ base[0]
        return Memory(step.keep * step.before(state.memory) + step.size * k.mT @ missed)

    def seen(self, c: Coefficients) -> Seen | None:
        """No error is taken: the value itself is written."""
        return None
