"""The shape of every native model: memory variants, and their twins without one."""

import json
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from typing import Any

from duotempo.core import UserError
from duotempo.rules import RULES, Rule

KINDS = ("attention", "lmm", "mag", "mac", "mal", "latent")
LATENT = "latent"


@dataclass(frozen=True)
class MemoryConfig:
    """A neural memory: its rule, and how keys, values and gates are made of the tokens.

    `size` is the width of a head's keys and values; `depth`, `hidden`, `momentum` and `decay` go to
    the rules that have them. Keys and queries are products of `factors` projections, each through
    a convolution of `kernel` taps `dilation` apart. `lookahead` stores each value under what
    preceded it, with keys and queries from the same features (cf. look-ahead values, arXiv
    2601.00671); otherwise both are apart, as in the paper. `values` come from the stream or
    straight from the token's embedding. Gates are a small network of `gate_hidden` units (0: one
    linear map); below `dead_zone` a sigmoid is exactly zero, and in training `gate_noise` shakes
    the write gate so that it keeps a distance from its edge. `decay_most` is the largest decay of
    one token.
    """

    rule: str = "titans-linear"
    heads: int = 4
    size: int = 32
    chunk: int = 64
    depth: int = 2
    hidden: int = 128
    momentum: bool = True
    decay: bool = True
    kernel: int = 4
    dilation: int = 1
    factors: int = 1
    lookahead: bool = False
    values: str = "stream"
    gate_hidden: int = 0
    dead_zone: float = 0.0
    gate_noise: float = 0.0
    write_bias: float = 0.0
    decay_bias: float = -4.0
    momentum_bias: float = 0.0
    decay_most: float = 1.0
    normalise: bool = True

    def build_rule(self) -> Rule:
        """The rule with these sizes; raises `UserError` for a name that is none."""
        if self.rule not in RULES:
            raise UserError(f"rule={self.rule!r}: choose one of {', '.join(RULES)}")
        if self.values not in ("stream", "embedding"):
            raise UserError(f"values={self.values!r}: one of stream, embedding")
        kind = RULES[self.rule]
        sizes = {"heads": self.heads, "key": self.size, "value": self.size, "chunk": self.chunk}
        own = {f.name for f in fields(kind)}
        more = {n: getattr(self, n) for n in ("depth", "hidden", "momentum", "decay") if n in own}
        return kind(**sizes, **more)


@dataclass(frozen=True)
class Shape:
    """A decoder, from the bottom up: `layout` names its blocks.

    attention: window attention alone (`window` None: full); lmm: memory alone; mag: both side by
    side (Titans, eq. 26-28); mac: memory as context (21-25); mal: memory, then attention (29-31);
    latent: window attention, then attention to `latents` vectors fitted per sequence (LTM).
    `combine` is how mag, mac and mal join the two: `gate` normalises and multiplies as the paper
    says, `add` sums. `above` lets mag's memory see what attention has added. `order` is where the
    read memory stands in mac's context: before the segment (v1) or behind it (proceedings).
    `block_conv` is the kernel of a convolution on each block's input (0: none). `start` "recall"
    begins as an induction rule: a read raises the logit of the byte that was stored; "copy" begins
    with the head as the embedding, which lets attention copy what it finds. `checkpoint`
    recomputes activations of so many tokens at a time in training (0: keeps all). `parts` (m, n)
    reads a token t as the pair (t // n, t % n), each with an embedding of its own, and sums them.
    """

    vocab: int = 256
    width: int = 128
    heads: int = 4
    window: int | None = 64
    layout: tuple[str, ...] = ("attention", "mag")
    ff: int = 384
    persistent: int = 4
    segment: int = 64
    block_conv: int = 0
    combine: str = "gate"
    above: bool = False
    order: str = "read-segment"
    start: str = "random"
    checkpoint: int = 0
    parts: tuple[int, int] | None = None
    latents: int = 0
    memory: MemoryConfig = field(default_factory=MemoryConfig)

    def __post_init__(self) -> None:
        for name in ("vocab", "width", "heads", "ff", "segment"):
            if getattr(self, name) < 1:
                raise UserError(f"{name}={getattr(self, name)}: must be at least 1")
        if self.window is not None and self.window < 1:
            raise UserError(f"window={self.window}: must be at least 1, or null for all tokens")
        if self.width % (2 * self.heads):
            raise UserError(
                f"width={self.width}, heads={self.heads}: a head's share of the width must be even"
            )
        wrong = [kind for kind in self.layout if kind not in KINDS]
        if wrong or not self.layout:
            raise UserError(f"layout={self.layout}: name blocks among {', '.join(KINDS)}")
        choices = {
            "combine": ("gate", "add"),
            "order": ("read-segment", "segment-read"),
            "start": ("random", "copy", "recall"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise UserError(f"{name}={getattr(self, name)!r}: one of {', '.join(known)}")
        if self.parts is not None and self.start != "random":
            raise UserError(
                f"parts={self.parts}, start={self.start!r}: a token of two parts has no embedding "
                'of its own to start from: use start="random"'
            )
        if self.parts is not None and self.parts[0] * self.parts[1] != self.vocab:
            raise UserError(
                f"parts={self.parts}, vocab={self.vocab}: pairs of so many parts must be as many "
                "as the tokens"
            )
        if (LATENT in self.layout) != (self.latents > 0):
            raise UserError(
                f"latents={self.latents}, layout={self.layout}: latent blocks need at least one "
                "latent vector each, and other blocks have none"
            )
        self.memory.build_rule()

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = {**asdict(self), "layout": list(self.layout)}
        parts = values.pop("parts")  # what is not there is left out: older models keep their hash
        if not self.latents:
            values.pop("latents")
        return values if parts is None else {**values, "parts": list(parts)}

    @property
    def hash(self) -> str:
        """64 hexadecimal digits that name exactly this config."""
        return sha256(json.dumps(self.to_dict(), sort_keys=True).encode()).hexdigest()
