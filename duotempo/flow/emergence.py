"""Emergence by depth: a logit lens after every write, settling depth, and how sudden it was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.core import Tell, silent
from duotempo.flow.cases import Case
from duotempo.flow.estimate import Estimate, estimate
from duotempo.flow.probe import Question, kinds_of
from duotempo.flow.subject import Place, Subject, Trace


@dataclass(frozen=True)
class Lens:
    """What the stream would say after each write, were it the last: one number a place.

    rank of the answer in the vocabulary (1: first), its probability, the margin, the entropy in
    nats, KL(last || here) in nats, the choice among the candidates, the length of the stream.
    """

    rank: tuple[int, ...]
    probability: tuple[float, ...]
    margin: tuple[float, ...]
    entropy: tuple[float, ...]
    kl: tuple[float, ...]
    choice: tuple[int, ...]
    length: tuple[float, ...]

    @property
    def settling(self) -> int | None:
        """The first write after which the choice stays right; None where it ends wrong."""
        if self.choice[-1] != 0:
            return None
        wrong = [index for index, choice in enumerate(self.choice) if choice != 0]
        return wrong[-1] + 1 if wrong else 0

    @property
    def rises(self) -> tuple[float, ...]:
        """How much margin each write after the embedding brought."""
        return tuple(b - a for a, b in zip(self.margin, self.margin[1:], strict=False))

    @property
    def jump(self) -> int | None:
        """The write that brought the most margin; None where none brought any."""
        rises = self.rises
        best = max(range(len(rises)), key=rises.__getitem__) if rises else None
        return best + 1 if best is not None and rises[best] > 0 else None

    @property
    def step(self) -> float | None:
        """The largest rise as a share of all rises: 1 is read in one go, low is built up."""
        up = sum(max(rise, 0.0) for rise in self.rises)
        return max(self.rises) / up if up > 0 else None


@dataclass(frozen=True)
class DepthRow:
    """One class of facts at one place."""

    kind: str
    place: Place
    rank: Estimate | None
    probability: Estimate | None
    margin: Estimate | None
    entropy: Estimate | None
    kl: Estimate | None
    right: Estimate | None


@dataclass(frozen=True)
class EmergenceRow:
    """One class of facts: the share that settles, after which write on the average (the embedding
    is 0), the step share, and in what share of the facts each channel made the largest jump."""

    kind: str
    settles: Estimate | None
    settling: Estimate | None
    step: Estimate | None
    jumps: Mapping[str, float]


@dataclass(frozen=True)
class Emergence:
    """By class, and by class and depth."""

    rows: tuple[EmergenceRow, ...]
    depths: tuple[DepthRow, ...]


def lens(subject: Subject, trace: Trace, question: Question) -> Lens:
    """The logit lens at a question's last token, the norm taken of each depth as it is.

    With the last depth's scale early streams, which are shorter, seem surer or less sure than they
    are. A lens reads what is there in the head's own directions: what is written elsewhere it does
    not see. Source: nostalgebraist 2020, Interpreting GPT: the Logit Lens.
    """
    logits = subject.unembed(trace.streams[:, -1]).double()
    logp = logits.log_softmax(-1)
    right, p = question.firsts[0], logp.exp()
    kl = (p[-1] * (logp[-1] - logp)).sum(-1).clamp_min(0)
    return Lens(
        rank=tuple((1 + (logits > logits[:, right : right + 1]).sum(-1)).tolist()),
        probability=tuple(p[:, right].tolist()),
        margin=tuple(question.margin(row) for row in logits),
        entropy=tuple((-(p * logp).sum(-1)).tolist()),
        kl=tuple(kl.tolist()),
        choice=tuple(question.choice(row) for row in logits),
        length=tuple(_lengths(trace.streams[:, -1])),
    )


def _lengths(streams: Float[Tensor, "write width"]) -> list[float]:
    """Root mean square of each."""
    return streams.double().square().mean(-1).sqrt().tolist()


@torch.no_grad()
def emergence(subject: Subject, ready: Sequence[Case], tell: Tell = silent) -> Emergence:
    """A lens over the first wording of every fact."""
    lenses = []
    for done, case in enumerate(ready):
        tell("lens", done, len(ready))
        lenses.append(lens(subject, case.plain, case.probe.question))
    tell("lens", len(ready), len(ready))
    rows, depths = [], []
    for kind in kinds_of([case.probe for case in ready]):
        own = [each for each, case in zip(lenses, ready, strict=True) if case.probe.kind == kind]
        rows.append(_row(kind, own, subject.places))
        depths += [_depth(kind, place, at, own) for at, place in enumerate(subject.places)]
    return Emergence(tuple(rows), tuple(depths))


def _row(kind: str, lenses: Sequence[Lens], places: Sequence[Place]) -> EmergenceRow:
    settled = [each.settling for each in lenses if each.settling is not None]
    jumps = [places[each.jump].channel for each in lenses if each.jump is not None]
    return EmergenceRow(
        kind,
        estimate([each.settling is not None for each in lenses]),
        estimate(settled),
        estimate([each.step for each in lenses if each.step is not None]),
        {channel: jumps.count(channel) / len(jumps) for channel in dict.fromkeys(jumps)},
    )


def _depth(kind: str, place: Place, at: int, lenses: Sequence[Lens]) -> DepthRow:
    return DepthRow(
        kind,
        place,
        rank=estimate([each.rank[at] for each in lenses]),
        probability=estimate([each.probability[at] for each in lenses]),
        margin=estimate([each.margin[at] for each in lenses]),
        entropy=estimate([each.entropy[at] for each in lenses]),
        kl=estimate([each.kl[at] for each in lenses]),
        right=estimate([each.choice[at] == 0 for each in lenses]),
    )
