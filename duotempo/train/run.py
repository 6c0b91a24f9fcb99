"""A run: model, stages and settings of a training, as one value that prints, hashes, compares."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from torch import Tensor, nn

from duotempo.core import UserError
from duotempo.tasks.batch import Task
from duotempo.train.optim import AdamW, Muon
from duotempo.train.penalty import Penalty

Precision = Literal["fp32", "bf16"]


@runtime_checkable
class ModelConfig(Protocol):
    """What a model is made from."""

    def build(self) -> nn.Module:
        """A fresh model: `logits, state = model(tokens, state)`."""
        ...

    def to_dict(self) -> Mapping[str, Any]:
        """The content of the model's `config.json`."""
        ...


@runtime_checkable
class Watching(Protocol):
    """A model's config that can say, as training goes, whether the fast channel is of use."""

    def watch(self, model: Any, tokens: Tensor, targets: Tensor) -> Mapping[str, Any]:
        """Numbers for the log, and under `alarm` what is wrong or None; empty: nothing to say."""
        ...


@dataclass(frozen=True)
class Stage:
    """A stretch of training on one task.

    The rate rises over `warmup` steps to `rate` and falls along a cosine to `floor * rate`.
    A batch is read in pieces of `segment` tokens (None: whole) with the state carried over;
    gradients stop after every `detach_every` pieces, and no graph outlives them. With `leave_at`
    the stage ends early, once the running share of right answers has passed it.
    """

    task: Task
    steps: int
    rate: float = 2e-3
    warmup: int = 20
    floor: float = 0.0
    penalties: tuple[Penalty, ...] = ()
    segment: int | None = None
    detach_every: int = 1
    leave_at: float | None = None

    def __post_init__(self) -> None:
        least = {"steps": self.steps, "segment": self.segment, "detach_every": self.detach_every}
        for name, number in least.items():
            if number is not None and number < 1:
                raise UserError(f"{name}={number} in a stage: must be at least 1")
        if self.rate <= 0 or self.warmup < 0 or not 0 <= self.floor <= 1:
            raise UserError(
                f"rate={self.rate}, warmup={self.warmup}, floor={self.floor} in a stage: "
                "a rate is above 0, a warm-up not below 0, a floor between 0 and 1"
            )


@dataclass(frozen=True)
class Run:
    """A complete training. The same run on the same machine and threads gives the same bits.

    `clip` bounds the global norm of the gradients. With "bf16" the forward pass runs under
    autocast; weights, optimiser and loss stay in fp32. `held_out` is evaluated on
    `held_out_batches` batches at the end of every stage.
    """

    model: ModelConfig
    stages: tuple[Stage, ...]
    seed: int = 0
    optimiser: AdamW | Muon = AdamW()  # noqa: RUF009 - frozen
    clip: float = 1.0
    precision: Precision = "fp32"
    held_out: Task | None = None
    held_out_batches: int = 4

    def __post_init__(self) -> None:
        if not self.stages:
            raise UserError("a run without stages learns nothing: give it at least one Stage")

    @property
    def identity(self) -> str:
        """What two runs must share for one to go on from the other's checkpoints."""
        return hashlib.sha256(repr(self).encode()).hexdigest()

    @property
    def steps(self) -> int:
        """All steps; fewer are made when a stage is left early."""
        return sum(stage.steps for stage in self.stages)

    def shortened(self, steps: int) -> "Run":
        """The same run in about `steps` steps: each stage shrinks alike, none vanishes."""
        share = steps / self.steps
        if share >= 1:
            return self
        shrink = lambda n: max(1, round(n * share))  # noqa: E731
        stages = [
            replace(s, steps=shrink(s.steps), warmup=round(s.warmup * share)) for s in self.stages
        ]
        return replace(self, stages=tuple(stages))
