"""The neural memory as a layer: keys, values and gates from the tokens, reads from the rule."""

from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import register_dataclass
from torch.utils.checkpoint import checkpoint

from duotempo.models.config import MemoryConfig
from duotempo.models.layers import Conv, heads, merged
from duotempo.models.piece import Piece
from duotempo.rules import Gates, Rule
from duotempo.rules.rest import rested
from duotempo.rules.state import Memory, MemoryWithMomentum

Tokens = Float[Tensor, "batch time width"]


class Gate(nn.Module):
    """The gates of every token from its features: step theta, decay alpha, momentum eta.

    theta is a share of the rule's largest safe step. A hook on this module sees every gate that a
    model makes: that is how penalties and reports get at them.
    """

    def __init__(self, width: int, config: MemoryConfig, rule: Rule) -> None:
        super().__init__()
        self.config, self.rule = config, rule
        inner = config.gate_hidden or width
        self.hidden = nn.Linear(width, inner) if config.gate_hidden else None
        self.out = nn.Linear(inner, 3 * rule.heads)
        with torch.no_grad():
            self.out.weight.mul_(0.5)
            biases = (config.write_bias, config.decay_bias, config.momentum_bias)
            self.out.bias.copy_(torch.tensor(biases).repeat_interleave(rule.heads))

    def forward(self, x: Tokens, pads: Tensor | None = None) -> Gates:
        """Gates in the precision of the weights, whatever autocast says: logs need it."""
        with torch.autocast(x.device.type, enabled=False):
            x = x.to(self.out.weight.dtype)
            x = x if self.hidden is None else F.silu(self.hidden(x))
            write, decay, momentum = self.out(x).transpose(1, 2).chunk(3, 1)
            shaken = write
            if self.training and self.config.gate_noise:
                shaken = write + self.config.gate_noise * torch.randn_like(write)
            moving = F.logsigmoid(momentum) if self.rule.has_momentum else None
            fading = self.config.decay_most * self._open(decay)
            return Gates(
                step=self._open(shaken) * self.rule.bound(moving),
                keep=torch.log1p(-fading.clamp_max(1 - 1e-6)) if self.rule.has_decay else None,
                momentum=moving,
                pads=pads,
                logit=write,
            )

    def _open(self, logit: Tensor) -> Tensor:
        """A sigmoid that is exactly zero below its dead zone."""
        zone = self.config.dead_zone
        return (logit.sigmoid() * (1 + zone) - zone).clamp_min(0) if zone else logit.sigmoid()


@dataclass(frozen=True)
class MemoryState:
    """A memory layer's fast state: the rule's own, and the tails of its convolutions."""

    rule: Any
    tails: tuple[Tensor, ...]


register_dataclass(MemoryState)


class NeuralMemory(nn.Module):
    """Tokens write into a fast memory what surprises it, and read from it (Titans, section 3).

    q, k and v each have a projection, a short convolution and SiLU; q and k are l2-normalised. The
    read is normalised by head and gated before the output projection (section 4.4). The slow start
    of the memory is learned; the fast state is what deviates from it.
    """

    def __init__(self, width: int, config: MemoryConfig, checkpoint: int = 0) -> None:
        super().__init__()
        self.config, self.checkpoint = config, checkpoint
        self.rule = config.build_rule()
        inner = self.rule.heads * self.rule.value
        self.key = nn.Linear(width, inner, bias=False)
        self.value = nn.Linear(width, inner, bias=False)
        self.query = None if config.lookahead else nn.Linear(width, inner, bias=False)
        apart = () if config.lookahead else ("query",)
        own = ("value",) if config.values == "stream" else ()
        self.convs = nn.ModuleDict(
            {
                name: Conv(inner, config.kernel, config.dilation)
                for name in ("key", *apart, *own)
                if config.kernel > 1
            }
        )
        self.gate = Gate(width, config, self.rule)
        self.start = nn.ParameterList(self.rule.start())
        self.norm = nn.RMSNorm(self.rule.value, eps=1e-6) if config.normalise else None
        self.open = nn.Linear(width, inner)
        self.out = nn.Linear(inner, width, bias=False)

    def init(self, batch: int, like: Tensor) -> MemoryState:
        """A memory that has read nothing."""
        tails = [cast(Conv, conv).init(batch, like) for conv in self.convs.values()]
        if self.config.lookahead:
            tails.append(like.new_zeros(batch, 1, self.rule.heads * self.rule.key))
        return MemoryState(self.rule.init(batch, like), tuple(tails))

    def forward(self, x: Tokens, piece: Piece, state: MemoryState) -> tuple[Tokens, MemoryState]:
        """What the memory answers to each token after taking it in, and its state."""
        q, k, v, tails = self._rows(x, piece, state.tails)
        gates = self.gate(x, piece.pads)
        reads, rule = self._scan(state.rule, q, k, v, gates)
        return self._answer(reads, x), MemoryState(rule, tails)

    def take(self, x: Tokens, piece: Piece, state: MemoryState) -> MemoryState:
        """The state that `forward` would leave, without what the memory answers.

        Where no gate opens nothing is written, and keys are only needed for the tails.
        """
        gates = self.gate(x, piece.pads)
        reach = max((cast(Conv, conv).reach for conv in self.convs.values()), default=0) + 1
        idle = isinstance(state.rule, Memory | MemoryWithMomentum) and not gates.step.any()
        if not idle or piece.time < reach:
            q, k, v, tails = self._rows(x, piece, state.tails)
            return MemoryState(self._scan(state.rule, q, k, v, gates)[1], tails)
        end = piece.cut(piece.time - reach, piece.time)
        *_, tails = self._rows(x[:, piece.time - reach :], end, state.tails)
        return MemoryState(rested(state.rule, gates), tails)

    def recall(self, x: Tokens, state: MemoryState) -> Tokens:
        """What the memory answers to tokens that are not written (Titans, eq. 21)."""
        q = self._unit(self.key(x) if self.query is None else F.silu(self.query(x)))
        return self._answer(self.rule.read(state.rule, q, self._start(q)), x)

    def _answer(self, reads: Tensor, x: Tokens) -> Tokens:
        y = reads if self.norm is None else self.norm(reads)
        opened = self.open(x)
        opened = opened.sigmoid() if self.config.lookahead else F.silu(opened)
        return self.out(merged(y).to(opened.dtype) * opened)

    def _rows(
        self, x: Tokens, piece: Piece, tails: tuple[Tensor, ...]
    ) -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, ...]]:
        """Queries, keys and values by head, and the tails to carry on."""
        source = x if self.config.values == "stream" else piece.embedded
        rows = {"key": self.key(x), "value": self.value(source)}
        if self.query is not None:
            rows["query"] = self.query(x)
        carried = []
        for (name, conv), tail in zip(self.convs.items(), tails, strict=False):
            rows[name], tail = conv(piece.shown(rows[name]).to(tail.dtype), tail)
            carried.append(tail)
        if self.config.lookahead:
            u = piece.shown(rows["key"])
            past = torch.cat((tails[-1], u), 1)
            carried.append(past[:, -1:])
            return self._unit(u), self._unit(past[:, :-1]), self._heads(rows["value"]), (*carried,)
        q, k = self._unit(F.silu(rows["query"])), self._unit(F.silu(rows["key"]))
        return q, k, self._heads(F.silu(rows["value"])), (*carried,)

    def _heads(self, x: Tensor) -> Tensor:
        return heads(x, self.rule.heads).to(self.start[0].dtype)

    def _unit(self, x: Tensor) -> Tensor:
        """Rows of length one by head; a row of zeros stays zero."""
        return F.normalize(self._heads(x), dim=-1, eps=1e-4)

    def _start(self, like: Tensor) -> tuple[Tensor, ...]:
        return tuple(weight.to(like.dtype) for weight in self.start)

    def _scan(
        self, state: Any, q: Tensor, k: Tensor, v: Tensor, gates: Gates
    ) -> tuple[Tensor, Any]:
        """The rule's scan; in training in stretches that are computed again backwards."""
        start, time, every = self._start(q), q.shape[-2], self.checkpoint
        if not (self.training and 0 < every < time):
            return self.rule.scan(state, q, k, v, gates, start)
        reads = []
        for i in range(0, time, every):
            part = tuple(x[..., i : i + every, :] for x in (q, k, v))
            stretch = gates.cut(i, min(time, i + every))
            o, state = checkpoint(self.rule.scan, state, *part, stretch, start, use_reentrant=False)
            reads.append(o)
        return torch.cat(reads, -2), state
