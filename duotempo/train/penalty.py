"""Penalties on the gates of memory layers: writing and forgetting cost something."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from duotempo.core import UserError
from duotempo.rules.gates import Gates


@runtime_checkable
class Penalty(Protocol):
    """A cost of what the gates did, added to the loss `weight` times.

    `ramp` is the share of a stage over which the weight rises from 0: a penalty that is strong
    before the memory works closes its gates for good.
    """

    @property
    def weight(self) -> float: ...

    @property
    def ramp(self) -> float: ...

    def __call__(self, gates: Sequence[Gates]) -> Float[Tensor, ""]:
        """The mean cost over all that was heard: layers, and pieces that a layer computes by."""
        ...


def mean(costs: Sequence[Tensor]) -> Float[Tensor, ""]:
    """The mean over all tokens, heads and layers; 0 when there are none."""
    flat = [cost.float().flatten() for cost in costs]
    return torch.cat(flat).mean() if flat else torch.zeros(())


@dataclass(frozen=True)
class Write:
    """mean(theta): the weaker the writes, the better."""

    weight: float
    ramp: float = 0.0

    def __call__(self, gates: Sequence[Gates]) -> Float[Tensor, ""]:
        """The mean step."""
        return mean([g.step for g in gates])


@dataclass(frozen=True)
class Sparse:
    """mean(theta / (theta + knee)): few writes rather than weak ones."""

    weight: float
    ramp: float = 0.0
    knee: float = 0.05

    def __call__(self, gates: Sequence[Gates]) -> Float[Tensor, ""]:
        """About the share of tokens that write."""
        return mean([g.step / (g.step + self.knee) for g in gates])


@dataclass(frozen=True)
class Margin:
    """mean sigmoid(logit + edge): how many gates are open or near it.

    With `edge` where the gate's dead zone ends (log 10 for a zone of 0.1) a closed gate is pushed
    on until it keeps a distance, and an open one costs the same whatever it writes. A gate in its
    dead zone has no gradient through its step; it has one here.
    """

    weight: float
    ramp: float = 0.0
    edge: float = 2.3

    def __call__(self, gates: Sequence[Gates]) -> Float[Tensor, ""]:
        """About the share of tokens that might write."""
        return mean([(g.logit + self.edge).sigmoid() for g in gates if g.logit is not None])


@dataclass(frozen=True)
class Decay:
    """mean(alpha), alpha = 1 - exp(keep): what is forgotten. Layers that never decay cost 0."""

    weight: float
    ramp: float = 0.0

    def __call__(self, gates: Sequence[Gates]) -> Float[Tensor, ""]:
        """The mean share forgotten by a token."""
        return mean([-torch.expm1(g.keep) for g in gates if g.keep is not None])


def cost(penalties: Sequence[Penalty], gates: Sequence[Gates], share: float) -> Float[Tensor, ""]:
    """All penalties on what was heard, at `share` of the stage. Raises `UserError` on silence."""
    if penalties and not gates:
        raise UserError(
            "a stage has penalties on gates, but no layer of the model has gates: "
            "leave the penalties out, or use a model with memory"
        )
    total = torch.zeros(())
    for penalty in penalties:
        risen = min(1.0, share / penalty.ramp) if penalty.ramp > 0 else 1.0
        total = total + penalty.weight * risen * penalty(gates)
    return total


@contextmanager
def hearing(model: nn.Module, penalties: Sequence[Penalty]) -> Iterator[list[Gates]]:
    """Within: every `Gates` that a part of the model returns lands in the list that is given.

    Empty the list before each forward pass: a checkpointed layer that computes again on the way
    back is heard again.
    """
    heard: list[Gates] = []

    def hear(module: nn.Module, inputs: Any, output: Any) -> None:
        if isinstance(output, Gates):
            heard.append(output)

    parts = model.modules() if penalties else ()
    handles = [part.register_forward_hook(hear) for part in parts]
    try:
        yield heard
    finally:
        for handle in handles:
            handle.remove()
