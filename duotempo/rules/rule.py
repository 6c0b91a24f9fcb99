"""What every fast-weight rule is: its own settings, one token's write and read, the token loop."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.core import UserError
from duotempo.rules.gates import Gates, Step

Weights = tuple[Tensor, ...]
"""The slow start of a memory, one [head in out] matrix a layer. Fast state deviates from it."""

Queries = Float[Tensor, "batch head time key"]
Values = Float[Tensor, "batch head time value"]


@dataclass(frozen=True)
class Rule(ABC):
    """A memory of `heads` heads, each from keys of `key` numbers to values of `value` numbers.

    Everything is written for half the squared error, 1/2 |M(k) - v|^2, so its gradient for a
    linear memory is k^T (k M - v). `chunk` is how many tokens the fast form takes at once. Raises
    `UserError` for sizes below one.
    """

    heads: int = 4
    key: int = 32
    value: int = 32
    chunk: int = 64

    def __post_init__(self) -> None:
        for name in ("heads", "key", "value", "chunk"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)}: must be at least 1")

    @property
    @abstractmethod
    def exact(self) -> bool:
        """True when the result does not depend on `chunk`."""

    @property
    def has_momentum(self) -> bool:
        """True when gates carry a momentum."""
        return False

    @property
    def has_decay(self) -> bool:
        """True when gates carry a decay."""
        return True

    @abstractmethod
    def start(self, generator: torch.Generator | None = None) -> Weights:
        """Slow weights to begin learning from: what a memory holds that has read nothing."""

    @abstractmethod
    def init(self, batch: int, like: Tensor) -> Any:
        """The state of a memory that has read nothing, of the dtype and device of `like`."""

    @abstractmethod
    def write(self, state: Any, k: Queries, v: Values, step: Step, base: Weights) -> Any:
        """The state after one token (time = 1)."""

    @abstractmethod
    def read(self, state: Any, q: Queries, base: Weights) -> Values:
        """What the memory answers to queries, writing nothing (Titans, eq. 15)."""

    @abstractmethod
    def scan(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, Any]:
        """What `loop` gives, in chunks of matrix products."""

    def loop(
        self, state: Any, q: Queries, k: Queries, v: Values, gates: Gates, base: Weights
    ) -> tuple[Values, Any]:
        """Token by token: write, then read. This is the truth that `scan` is held to."""
        reads = []
        for t in range(q.shape[-2]):
            one = slice(t, t + 1)
            state = self.write(state, k[..., one, :], v[..., one, :], gates.at(t), base)
            reads.append(self.read(state, q[..., one, :], base))
        return torch.cat(reads, -2) if reads else v, state

    def bound(self, momentum: Tensor | None) -> Tensor | float:
        """The largest step that is safe on a repeated key, given log eta: (1 - eta), so that
        momentum spreads a write over tokens and does not enlarge it."""
        return 1.0 if momentum is None else -torch.expm1(momentum)

    def state_numbers(self) -> int:
        """Numbers of state that one sequence needs."""
        state = self.init(1, torch.zeros(()))
        leaves = torch.utils._pytree.tree_leaves(state)
        return sum(leaf.numel() for leaf in leaves)


def cut(q: Tensor, k: Tensor, v: Tensor, start: int, end: int) -> tuple[Tensor, Tensor, Tensor]:
    """The rows of the tokens from `start` up to `end`."""
    return q[..., start:end, :], k[..., start:end, :], v[..., start:end, :]
