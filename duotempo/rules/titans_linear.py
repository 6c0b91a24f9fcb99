"""Titans with a linear memory: per-token surprise with momentum and decay, exact in parallel."""

from dataclasses import dataclass
from typing import Any

import torch

from duotempo.rules.decay import Coefficients
from duotempo.rules.gates import Step
from duotempo.rules.linear import Linear, Seen
from duotempo.rules.rule import Queries, Values, Weights
from duotempo.rules.state import Memory, MemoryWithMomentum


@dataclass(frozen=True)
class TitansLinear(Linear):
    """S_t = eta_t S_{t-1} - theta_t grad, M_t = (1 - alpha_t) M_{t-1} + S_t.

    The gradient is taken at M_{t-1}. Source: Titans, arXiv 2501.00663, eq. 13-14 with one layer.
    The paper's own parallel form takes gradients at the chunk's start; this one is exact, so
    `chunk` changes the speed and nothing else. Stable on a repeated unit key for steps up to
    2 (1 + eta). `momentum` and `decay` can be left out for comparisons.
    """

    momentum: bool = True
    decay: bool = True

    @property
    def has_momentum(self) -> bool:
        """Whether the surprise of earlier tokens goes on."""
        return self.momentum

    @property
    def has_decay(self) -> bool:
        """Whether the memory fades."""
        return self.decay

    def write(
        self, state: Any, k: Queries, v: Values, step: Step, base: Weights
    ) -> Memory | MemoryWithMomentum:
        """One token."""
        memory = step.before(state.memory)
        surprise = -step.size * k.mT @ (k @ (base[0] + memory) - v)
        if not self.momentum:
            return Memory(step.keep * memory + surprise)
        surprise = torch.addcmul(surprise, step.before(state.momentum), step.momentum)
        return MemoryWithMomentum(step.after(memory, surprise), surprise)

    def seen(self, c: Coefficients) -> Seen | None:
        """The memory of token t - 1, as it was."""
        return c.before()
