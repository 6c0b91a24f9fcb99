"""Sleep before eviction: a tiny memory that chains the edges of a graph the longer it sleeps."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from duotempo.core import UserError
from duotempo.models.config import Config, MemoryConfig
from duotempo.models.decoder import Decoder
from duotempo.recipes import needle
from duotempo.sleep.policy import Policy
from duotempo.sleep.recurrent import Sleeper, SleeperConfig
from duotempo.tasks.depo import Depo
from duotempo.tasks.rule110 import Rule110
from duotempo.train import AdamW, Decay, Margin, ModelConfig, Run, Stage, Write

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
the steps. Four blocks read the edges with as many block passes as N=4 (60 tokens of a row, as the
questions pass them too) and have 3.2 times the weights. The rule alone repeats its writes on keys
and values that stay as they are. Rates of their own were chosen on development seeds.
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


SLEEP_WINDOW = 64
"""Bytes after which a model of prose sleeps: texts are four to eight times as long."""


def text(passes: int = 4, *, sampled: bool = True, steps: int = 300) -> Run:
    """Facts in prose, asked for after their window was evicted: a quarter million weights."""
    memory = replace(needle.MEMORY, rule="gated-delta", size=48, gate_hidden=32)
    config = replace(needle.MAG, width=96, ff=192, window=SLEEP_WINDOW, memory=memory)
    policy = Policy(SLEEP_WINDOW, passes, carry="inject", sampled=sampled)
    near = replace(needle.TEXTS, lengths=(256,), needles=(1, 2), prose_weight=0.3, tokens=2048)
    far = replace(near, lengths=(384, 512), needles=(1, 2, 4), prose_weight=1.0)
    penalties = (Margin(1.0, ramp=0.3), Write(0.1, ramp=0.3), Decay(10.0))
    stages = (
        Stage(near, steps // 3, warmup=40, floor=1.0),
        Stage(far, steps - steps // 3, penalties=penalties),
    )
    held_out = replace(far, split="held-out", lengths=(512,), tokens=4096)
    model = SleeperConfig(config, policy)
    return Run(model, stages, optimiser=OPTIMISER, held_out=held_out)


RULE110_STEPS = 4
BOTH_WAYS = "N=4, both ways"
RULE110_ARMS: dict[str, Arm] = {
    "N=1": Arm(1, "hidden", rate=3e-3),
    "N=4": Arm(4, "hidden", rate=3e-3),
    BOTH_WAYS: Arm(4, "hidden", rate=3e-3),
    "N=1, same compute": Arm(1, "hidden", rate=3e-3, longer=3.5),
}


def rule110(arm: str = BOTH_WAYS, steps: int | None = None) -> Run:
    """Rule 110 on four rings of 12 cells, t = 0 to 4 in stages: attention below a gated delta
    block; attention looks both ways in the passes after the reading."""
    if arm not in RULE110_ARMS:
        raise UserError(f"arm {arm!r} is unknown: use one of {', '.join(RULE110_ARMS)}")
    made, tasks = RULE110_ARMS[arm], [Rule110(t, width=12, rows=32) for t in range(5)]
    memory = MemoryConfig(
        rule="gated-delta", heads=4, size=16, chunk=12, write_bias=1.0, decay_bias=-5.0
    )
    config = Config(
        vocab=tasks[0].vocabulary, width=48, heads=4, layout=("attention", "lmm"), ff=96,
        window=12, persistent=0, memory=memory,
    )  # fmt: skip
    policy = Policy(12, made.passes, carry=made.carry, both_ways=arm == BOTH_WAYS)
    count = round(made.longer * (steps or 1500))
    stages = tuple(
        Stage(task, count // len(tasks), made.rate, warmup=20, floor=1.0 if task.steps < 4 else 0.0)
        for task in tasks
    )
    return Run(SleeperConfig(config, policy), stages, optimiser=OPTIMISER)
