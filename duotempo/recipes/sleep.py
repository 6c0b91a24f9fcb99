"""Sleep before eviction: a tiny memory that chains the edges of a graph the longer it sleeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from duotempo.core import UserError
from duotempo.models.config import Config, MemoryConfig
from duotempo.models.decoder import Decoder
from duotempo.sleep.policy import Policy
from duotempo.sleep.recurrent import Sleeper, SleeperConfig
from duotempo.tasks.depo import Depo
from duotempo.train import AdamW, ModelConfig, Run, Stage

OPTIMISER = AdamW((0.9, 0.98), 0.01)
RATE = 6e-3
SMALL = Depo()
LARGE = Depo(nodes=12, hops=6, queries=6)
STEPS = {SMALL: 1000, LARGE: 2000}


def brain(task: Depo, rule: str = "gated-delta") -> Config:
    """One memory block without convolutions, which two-part tokens make needless: about 16
    thousand weights."""
    memory = MemoryConfig(
        rule=rule, heads=2, size=16, chunk=task.context, kernel=1, write_bias=1.0,
        decay_bias=-5.0, hidden=16,
    )  # fmt: skip
    return Config(
        vocab=task.vocabulary, parts=task.parts, width=32, heads=2, layout=("lmm",), ff=64,
        window=task.context, persistent=0, memory=memory,
    )  # fmt: skip


@dataclass(frozen=True)
class Evicting:
    """A control that no user wants: attention alone, whose windows are dropped and nothing kept."""

    config: Config
    policy: Policy

    def build(self) -> Decoder:
        """A sleeper without a fast weight."""
        return Sleeper(self.config, self.policy)

    def to_dict(self) -> Mapping[str, Any]:
        """The decoder's own."""
        return self.config.to_dict()


@dataclass(frozen=True)
class Arm:
    """What differs in one arm: its sleep, layout and rule, its rate, steps over the common ones."""

    passes: int = 4
    carry: str = "inject"
    sampled: bool = False
    layout: tuple[str, ...] = ("lmm",)
    rule: str = "gated-delta"
    longer: float = 1.0
    rate: float = RATE
    evicts: bool = True

    def model(self, task: Depo) -> ModelConfig:
        """The model of this arm for a task."""
        config = replace(brain(task, rule=self.rule), layout=self.layout)
        if not self.evicts:
            return replace(config, window=None)
        policy = Policy(task.context, self.passes, carry=self.carry, sampled=self.sampled)
        fast = "lmm" in self.layout
        return SleeperConfig(config, policy) if fast else Evicting(config, policy)


ARMS: dict[str, Arm] = {
    **{f"N={n}": Arm(n) for n in (1, 2, 3, 4, 6)},
    "N sampled": Arm(4, sampled=True),
    "N=1, same compute": Arm(1, longer=2.6),
    "four blocks, N=1": Arm(1, layout=("lmm",) * 4),
    "N=4, rule alone": Arm(4, "input"),
    "N=4, as printed": Arm(4, "hidden"),
    "N=4, linear Titans": Arm(4, rule="titans-linear"),
    "N=4, deep Titans": Arm(4, rule="titans-mlp", rate=3e-3),
    "attention, no eviction": Arm(1, layout=("attention",) * 4, rate=2e-3, evicts=False),
    "attention, eviction": Arm(1, layout=("attention",) * 2),
}
"""Passes of sleep, and what else could explain them.

Same compute: N=4 takes 39 tokens of a row through the block and N=1 takes 15, so N=1 gets 2.6 times
the steps. Four blocks read the edges with as many block passes as N=4, and have as many times the
weights. The rule alone repeats its writes on keys and values that stay as they are.
"""

MEASURED_LARGE = ("N=1", "N=2", "N=4", "N=6", "N sampled")


def arm_run(arm: str, task: Depo = SMALL, steps: int | None = None) -> Run:
    """The run of an arm; raises `UserError` for a name that is none."""
    if arm not in ARMS:
        raise UserError(f"arm {arm!r} is unknown: use one of {', '.join(ARMS)}")
    made = ARMS[arm]
    if arm == "N sampled" and task == LARGE:
        made = replace(made, passes=6)
    count = round(made.longer * (steps or STEPS.get(task, STEPS[SMALL])))
    stage = Stage(task, count, made.rate, warmup=min(50, count))
    return Run(made.model(task), (stage,), optimiser=OPTIMISER)


def depo() -> Run:
    """Hops on a cycle of 8 nodes after it was evicted, 1 to 4 passes of sleep: about a minute."""
    return arm_run("N sampled")


def depo12() -> Run:
    """The same on 12 nodes, up to 6 hops and passes: about three minutes."""
    return arm_run("N sampled", LARGE)
