"""Fast-weight rules: pure functions over a frozen state, a token loop and a chunk form of each."""

from duotempo.rules.delta import Delta
from duotempo.rules.gated_delta import GatedDelta
from duotempo.rules.gates import Gates
from duotempo.rules.hebbian import Hebbian
from duotempo.rules.rule import Rule
from duotempo.rules.titans_linear import TitansLinear
from duotempo.rules.titans_mlp import TitansMLP
from duotempo.rules.titans_mlp_by_chunk import TitansMLPByChunk

__all__ = [
    "RULES",
    "Delta",
    "GatedDelta",
    "Gates",
    "Hebbian",
    "Rule",
    "TitansLinear",
    "TitansMLP",
    "TitansMLPByChunk",
]

RULES: dict[str, type[Rule]] = {
    "hebbian": Hebbian,
    "delta": Delta,
    "gated-delta": GatedDelta,
    "titans-linear": TitansLinear,
    "titans-mlp": TitansMLP,
    "titans-mlp-by-chunk": TitansMLPByChunk,
}
"""Every rule by its name: tests, benchmarks and model configs choose from here."""
