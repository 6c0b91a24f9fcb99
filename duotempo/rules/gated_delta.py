"""Gated delta rule: let all fade a little, then overwrite what the key already held."""

from dataclasses import dataclass

from duotempo.rules.decay import Coefficients
from duotempo.rules.gates import Step
from duotempo.rules.linear import Linear, Seen
from duotempo.rules.rule import Queries, Values, Weights
from duotempo.rules.state import Memory


@dataclass(frozen=True)
class GatedDelta(Linear):
    """M_t = a_t M_{t-1} - beta_t k_t^T (k_t a_t M_{t-1} - v_t) with a = 1 - alpha, beta = the step.

    Source: Gated DeltaNet, arXiv 2412.06464, eq. 10. It takes the error at the memory *after* the
    decay, Titans (eq. 13-14) before it: with a_t beta_t for the step and v_t / a_t for the value
    `TitansLinear` without momentum is this rule.
    """

    def write(self, state: Memory, k: Queries, v: Values, step: Step, base: Weights) -> Memory:
        """One token."""
        faded = step.keep * step.before(state.memory)
        error = k @ (base[0] + faded) - v
        return Memory(faded - step.size * k.mT @ error)

    def seen(self, c: Coefficients) -> Seen | None:
        """The memory of token t - 1 after t's decay."""
        return c.beta, None, c.g
