"""Is the stream the whole state? Decoding from a cache, anew, and from the stream's checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.core import UserError
from duotempo.flow.subject import Ids, Subject

BOUND = 1e-6
ALL = "all"


@dataclass(frozen=True)
class Way:
    """One way to decode beside the cache's: whether every token is the same, and how far the
    predictions are from the cache's, in nats a token (mean and largest KL)."""

    name: str
    same: bool
    kl: float
    most: float


@dataclass(frozen=True)
class Sufficiency:
    """`ways` are "anew" (all tokens are read again) and "checkpoints" (the state is made of the
    stream that the tokens had); they agree when the tokens are equal and no KL exceeds `bound`.
    Bits are never compared: sums in another order differ in the last place.

    `outside` is what the text's own stream does not hold: the KL that comes of emptying one channel
    of what was known before the text ("all": every channel). Nothing was known before: zero.
    """

    tokens: int
    bound: float
    ways: tuple[Way, ...]
    outside: tuple[Way, ...]

    @property
    def sufficient(self) -> bool:
        """True when the stream, with what was known before it, gives the state back."""
        return all(way.same and way.most <= self.bound for way in self.ways)


@torch.no_grad()
def sufficiency(
    subject: Subject,
    text: Ids,
    before: Any = None,
    *,
    tokens: int = 16,
    bound: float = BOUND,
) -> Sufficiency:
    """Go on greedily after a text and compare three ways to get the next token.

    `before` is the state in which the text was met (None: empty). The text's last token is the
    first that is compared. Raises `UserError` for less than two tokens. Source: the checkpoint
    claim of Qasim et al. 2026 (arXiv 2603.19664), which holds for attention and, once a store was
    written earlier, does not.
    """
    if len(text) < 2 or tokens < 1:
        raise UserError("give a text of at least two tokens to go on after, and one token to say")
    before = subject.empty() if before is None else before
    emptied = {name: subject.zeroed(before, [name]) for name in subject.stores}
    emptied[ALL] = subject.zeroed(before, subject.stores)
    found: dict[str, list[tuple[bool, float]]] = {}
    read = subject.run(text[:-1], before)
    streams, state, seen, token = read.streams, read.state, text, text[-1:]
    for _ in range(tokens):
        last = subject.run(token, state)
        other: dict[str, Callable[[], Tensor]] = {"anew": _anew(subject, seen, before)}
        other["checkpoints"] = _from(subject, token, streams, before)
        other |= {n: _from(subject, token, streams, start) for n, start in emptied.items()}
        for name, run in other.items():
            found.setdefault(name, []).append(_compared(last.logits[-1], run()))
        streams, state = torch.cat((streams, last.streams), 1), last.state
        token = last.logits[-1].argmax()[None].to(text)
        seen = torch.cat((seen, token))
    ways = {name: _way(name, steps) for name, steps in found.items()}
    own = ("anew", "checkpoints")
    return Sufficiency(
        tokens,
        bound,
        tuple(ways[name] for name in own),
        tuple(way for name, way in ways.items() if name not in own),
    )


def _anew(subject: Subject, seen: Ids, before: Any) -> Callable[[], Tensor]:
    return lambda: subject.run(seen, before).logits[-1]


def _from(subject: Subject, token: Ids, streams: Tensor, before: Any) -> Callable[[], Tensor]:
    return lambda: subject.run(token, subject.rebuilt(streams, before)).logits[-1]


def _compared(
    cached: Float[Tensor, " vocab"], other: Float[Tensor, " vocab"]
) -> tuple[bool, float]:
    """Whether the likeliest token is the same, and KL(cached || other) in nats."""
    p, q = cached.double().log_softmax(0), other.double().log_softmax(0)
    kl = float((p.exp() * (p - q)).sum().clamp_min(0))
    return int(cached.argmax()) == int(other.argmax()), kl


def _way(name: str, steps: list[tuple[bool, float]]) -> Way:
    kl = [step[1] for step in steps]
    return Way(name, all(step[0] for step in steps), sum(kl) / len(kl), max(kl))
