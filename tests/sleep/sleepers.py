"""Small models that sleep, one of each kind, and texts for them."""

from dataclasses import replace

import torch
from torch.utils._pytree import tree_leaves

from duotempo.models.config import Config
from duotempo.sleep.policy import Policy
from duotempo.sleep.recurrent import Sleeper, SleeperConfig
from tests.models.native import KINDS, SMALL

WINDOW = 9
HYBRID = replace(SMALL, layout=("attention", "lmm"))
FOUR = replace(SMALL, layout=("attention", "lmm", "attention", "lmm"))
HARD = Policy(window=WINDOW, passes=3)
SLEEPERS: dict[str, tuple[Config, Policy]] = {
    "hybrid": (HYBRID, HARD),
    "hybrid, all of a window": (replace(HYBRID, window=None, persistent=0), HARD),
    "hybrid, sliding": (HYBRID, replace(HARD, eviction="sliding")),
    "hybrid, the middle": (FOUR, replace(HARD, looped=(1, 3))),
    "the middle, sliding": (FOUR, replace(HARD, looped=(1, 3), eviction="sliding")),
    "inject": (HYBRID, replace(HARD, carry="inject")),
    "input": (HYBRID, replace(HARD, carry="input")),
    "both ways": (HYBRID, replace(HARD, both_ways=True)),
    "lmm": (KINDS["lmm"], HARD),
    "gated delta": (KINDS["gated delta"], HARD),
    "deep": (KINDS["mag, deep"], HARD),
    "by chunk": (KINDS["lmm, by chunk"], HARD),
    "mal": (KINDS["mal"], HARD),
    "mac": (KINDS["mac"], HARD),
    "recalling": (KINDS["mag above, recalling"], replace(HARD, eviction="sliding")),
}


def sleeper(kind: str, seed: int = 0, **changes) -> Sleeper:
    """A model of a kind in float64 and eval mode, its policy changed."""
    torch.manual_seed(seed)
    config, policy = SLEEPERS[kind]
    return SleeperConfig(config, replace(policy, **changes)).build().double().eval()


def text(time: int = 2 * WINDOW + 5, batch: int = 2, seed: int = 0) -> torch.Tensor:
    """Random tokens."""
    g = torch.Generator().manual_seed(seed)
    return torch.randint(0, 19, (batch, time), generator=g)


def gap(a, b) -> float:
    """The largest difference between two trees of tensors."""
    pairs = list(zip(tree_leaves(a), tree_leaves(b), strict=True))
    tensors = [(x, y) for x, y in pairs if isinstance(x, torch.Tensor)]
    return max((x.double() - y.double()).abs().max().item() for x, y in tensors if x.numel())
