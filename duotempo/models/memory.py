"""The neural memory as a layer: keys, values and gates from the tokens, reads from the rule."""

from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import register_dataclass
from torch.utils.checkpoint import checkpoint

from duotempo.models.features import Features
from duotempo.models.layers import Norm, heads, merged
from duotempo.models.piece import Piece
from duotempo.models.shape import MemoryConfig
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
    """A memory layer's fast state: the rule's own, the tails of its convolutions (of key, value
    and query), and with look-ahead keys the last token's features."""

    rule: Any
    tails: tuple[tuple[Tensor, ...], ...]
    last: Tensor


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
        shape = (width, inner, config.kernel, config.dilation)
        self.key = Features(*shape, factors=config.factors)
        self.query = None if config.lookahead else Features(*shape, factors=config.factors)
        kernel = config.kernel if config.values == "stream" else 1
        self.value = Features(width, inner, kernel, config.dilation)
        self.gate = Gate(width, config, self.rule)
        self.start = nn.ParameterList(self.rule.start())
        self.norm = Norm(self.rule.value) if config.normalise else None
        self.open = nn.Linear(width, inner)
        self.out = nn.Linear(inner, width, bias=False)

    def init(self, batch: int, like: Tensor) -> MemoryState:
        """A memory that has read nothing."""
        maps = (self.key, self.value, self.query)
        tails = tuple(() if one is None else one.init(batch, like) for one in maps)
        last = like.new_zeros(
            batch, 1 if self.query is None else 0, self.rule.heads * self.rule.key
        )
        return MemoryState(self.rule.init(batch, like), tails, last)

    def forward(self, x: Tokens, piece: Piece, state: MemoryState) -> tuple[Tokens, MemoryState]:
        """What the memory answers to each token after taking it in, and its state."""
        q, k, v, after = self._rows(x, piece, state)
        gates = self.gate(x, piece.pads)
        reads, rule = self._scan(state.rule, q, k, v, gates)
        return self._answer(reads, x), replace(after, rule=rule)

    def take(self, x: Tokens, piece: Piece, state: MemoryState) -> MemoryState:
        """The state that `forward` would leave, without what the memory answers.

        Where no gate opens nothing is written, and keys are only needed for the tails.
        """
        gates = self.gate(x, piece.pads)
        reach = max(self.key.reach, self.value.reach) + 1
        idle = isinstance(state.rule, Memory | MemoryWithMomentum) and not gates.step.any()
        if not idle or piece.time < reach:
            q, k, v, after = self._rows(x, piece, state)
            return replace(after, rule=self._scan(state.rule, q, k, v, gates)[1])
        end = piece.cut(piece.time - reach, piece.time)
        *_, after = self._rows(x[:, piece.time - reach :], end, state)
        return replace(after, rule=rested(state.rule, gates))

    def asker(self, width: int) -> Features:
        """A map of its own for `recall`, of the keys' shape."""
        inner, config = self.rule.heads * self.rule.key, self.config
        return Features(width, inner, config.kernel, config.dilation, config.factors)

    def recall(self, features: Tokens, x: Tokens, state: MemoryState) -> Tokens:
        """What the memory answers to tokens that are not written (Titans, eq. 21)."""
        q = self._unit(features if self.config.lookahead else F.silu(features))
        return self._answer(self.rule.read(state.rule, q, self._start(q)), x)

    def _answer(self, reads: Tensor, x: Tokens) -> Tokens:
        y = reads if self.norm is None else self.norm(reads)
        opened = self.open(x)
        opened = opened.sigmoid() if self.config.lookahead else F.silu(opened)
        return self.out(merged(y).to(opened.dtype) * opened)

    def _rows(
        self, x: Tokens, piece: Piece, state: MemoryState
    ) -> tuple[Tensor, Tensor, Tensor, MemoryState]:
        """Queries, keys and values by head, and the state with its tails carried on."""
        key, value, query = state.tails
        source = x if self.config.values == "stream" else piece.embedded
        k, key = self.key(x, piece, key)
        v, value = self.value(source, piece, value)
        if self.query is None:
            past = torch.cat((state.last, k.to(state.last.dtype)), 1)
            after = MemoryState(state.rule, (key, value, ()), past[:, -1:])
            return self._unit(k), self._unit(past[:, :-1]), self._heads(v), after
        q, query = self.query(x, piece, query)
        after = MemoryState(state.rule, (key, value, query), state.last)
        q, k = self._unit(F.silu(q)), self._unit(F.silu(k))
        return q, k, self._heads(F.silu(v)), after

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
