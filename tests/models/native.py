"""Small native models, one of each kind, for tests."""

from dataclasses import replace

import torch

from duotempo.models.config import Config, MemoryConfig
from duotempo.models.decoder import Decoder

MEMORY = MemoryConfig(heads=2, size=6, chunk=8, hidden=7)
SMALL = Config(
    vocab=19, width=12, heads=2, window=7, layout=("attention", "mag"), ff=16, persistent=2,
    segment=9, memory=MEMORY,
)  # fmt: skip
KINDS = {
    "transformer": replace(SMALL, layout=("attention",) * 2, window=None, persistent=0),
    "window": replace(SMALL, layout=("attention",) * 2),
    "lmm": replace(SMALL, layout=("lmm", "lmm")),
    "mag": SMALL,
    "mac": replace(SMALL, layout=("mac", "attention")),
    "mac, proceedings": replace(SMALL, layout=("mac",), order="segment-read"),
    "mal": replace(SMALL, layout=("mal", "mal"), block_conv=3),
    "mag, deep": replace(SMALL, memory=replace(MEMORY, rule="titans-mlp")),
    "mac, deep": replace(SMALL, layout=("mac",), memory=replace(MEMORY, rule="titans-mlp")),
    "lmm, by chunk": replace(
        SMALL, layout=("lmm",), memory=replace(MEMORY, rule="titans-mlp-by-chunk")
    ),
    "gated delta": replace(SMALL, memory=replace(MEMORY, rule="gated-delta")),
    "latent": replace(SMALL, layout=("latent", "latent"), latents=3),
    "hebbian": replace(SMALL, layout=("lmm",), memory=replace(MEMORY, rule="hebbian")),
    "mag above, recalling": replace(
        SMALL,
        combine="add",
        above=True,
        block_conv=4,
        start="recall",
        memory=replace(
            MEMORY, lookahead=True, values="embedding", gate_hidden=5, dead_zone=0.1, kernel=3,
            factors=2, dilation=2, normalise=False,
        ),
    ),
}  # fmt: skip


def native(kind: str, seed: int = 0, dtype: torch.dtype = torch.float64) -> Decoder:
    """A model of a kind, in eval mode."""
    torch.manual_seed(seed)
    return Decoder(KINDS[kind]).to(dtype).eval()


def exact(kind: str) -> bool:
    """True when the model's memory does not depend on where chunks and segments begin."""
    config = KINDS[kind]
    return config.memory.build_rule().exact and "mac" not in config.layout
