"""Source shares in three columns that belong together: direct, mediated, total."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.core import Tell, silent
from duotempo.flow.cases import Case, asked
from duotempo.flow.direct import direct
from duotempo.flow.estimate import Estimate, estimate
from duotempo.flow.groups import Group, Means, absent, groups_of, mean_writes
from duotempo.flow.probe import kinds_of
from duotempo.flow.shapley import shapley
from duotempo.flow.subject import MIXED, Place, Subject

BIAS = "bias"


@dataclass(frozen=True)
class ShareRow:
    """What a group of channels has to do with the margin of a class of facts.

    `direct`: what it wrote toward the answer; over all rows these sum to the margin (None where
    they do not). `total`: its Shapley value (None for what is no group: the embedding, biases,
    mixed writes). `share`: its part of the sum of totals (None where that is not above zero: what
    does not speak for the answer has no shares to give). `relayed`: total - direct, what others
    wrote because of it, or less than nothing for one that passes on what it was given.
    """

    group: str
    kind: str
    direct: Estimate | None
    total: Estimate | None
    share: float | None
    relayed: Estimate | None


@dataclass(frozen=True)
class MediatedRow:
    """How much of what `through` writes toward the answer is there because of `source` alone."""

    source: str
    through: str
    kind: str
    value: Estimate


@dataclass(frozen=True)
class StepRow:
    """What one place wrote toward the answer of a class of facts, on the average."""

    kind: str
    place: Place
    value: Estimate


@dataclass(frozen=True)
class Shares:
    """All three columns, and why there is no direct and mediated one (empty: they are there).

    `steps` has the direct column place by place, from the embedding up, biases last: for each class
    they sum to its mean margin. None where direct parts are refused.

    `error` is the largest distance of a sum of direct parts from its margin, of max(1, |margin|).
    `mixed` says that the model joins channels by more than a sum, so that their writes have no
    shares of their own and only totals tell them apart.
    """

    rows: tuple[ShareRow, ...]
    mediated: tuple[MediatedRow, ...]
    error: float
    refused: str
    mixed: bool
    steps: tuple[StepRow, ...] = ()


@dataclass(frozen=True)
class _Fact:
    kind: str
    places: Sequence[float]
    direct: Mapping[str, float]
    mediated: Mapping[tuple[str, str], float]
    total: Mapping[str, float]
    error: float
    sound: bool


@torch.no_grad()
def shares(
    subject: Subject, ready: Sequence[Case], *, twin: bool = True, tell: Tell = silent
) -> Shares:
    """Source shares of every class of facts; 2^groups runs a fact.

    A group is absent when its stores are the twin's (with `twin` false, or where there is no twin:
    empty) and, for channels without a state, when they write their mean over all questions. What
    is said holds for these probes; an absence is no lower than what other parts make up for.
    """
    groups, means = groups_of(subject), mean_writes(subject, ready)
    facts = []
    for done, case in enumerate(ready):
        tell("shares", done, len(ready))
        facts.append(_fact(subject, case, groups, means, twin))
    tell("shares", len(ready), len(ready))
    error = max((fact.error for fact in facts), default=0.0)
    sound = all(fact.sound for fact in facts)
    why = (
        ""
        if sound
        else (
            f"direct parts miss the margin by up to {error:.2g} of it (a soft-cap, a scale or a "
            "norm behind the stream is not a sum): shares are measured, not summed"
        )
    )
    mixed = any(place.channel == MIXED for place in subject.places)
    rows, mediated, steps = [], [], []
    for kind in kinds_of([case.probe for case in ready]):
        own = [fact for fact in facts if fact.kind == kind]
        rows += _rows(kind, own, sound)
        mediated += _mediated(kind, own) if sound else []
        steps += _steps(kind, own, subject.places) if sound else []
    return Shares(tuple(rows), tuple(mediated), error, why, mixed, tuple(steps))


def _fact(subject: Subject, case: Case, groups: Sequence[Group], means: Means, twin: bool) -> _Fact:
    question = case.probe.question
    own = direct(subject.final, case.plain, question)
    names = _names(subject, groups)
    plain = _by_name(own.places, names) | {BIAS: own.constant}
    mediated: dict[tuple[str, str], float] = {}

    def value(present: frozenset[int]) -> float:
        gone = [group for index, group in enumerate(groups) if index not in present]
        if not gone:
            return own.margin
        where = absent(subject, case, gone, means, twin)
        trace = asked(subject, question, where.state, where.change)
        if len(gone) == 1:
            left = _by_name(
                trace.writes[:, -1].to(own.direction.vector) @ own.direction.vector, names
            )
            mediated.update({(gone[0].name, name): plain[name] - left[name] for name in left})
        return question.margin(trace.logits[-1])

    total = dict(zip([g.name for g in groups], shapley(len(groups), value), strict=True))
    places = [*own.places.tolist(), own.constant]
    return _Fact(case.probe.kind, places, plain, mediated, total, own.error, own.sound)


def _names(subject: Subject, groups: Sequence[Group]) -> list[str]:
    """The group that each place belongs to; its channel's own name where it is in none."""
    by = {channel: group.name for group in groups for channel in group.writes}
    return [by.get(place.channel, place.channel) for place in subject.places]


def _by_name(parts: Float[Tensor, " write"], names: Sequence[str]) -> dict[str, float]:
    found = dict.fromkeys(names, 0.0)
    for name, part in zip(names, parts.tolist(), strict=True):
        found[name] += part
    return found


def _rows(kind: str, facts: Sequence[_Fact], sound: bool) -> list[ShareRow]:
    names = list(dict.fromkeys([*facts[0].total, *facts[0].direct]))
    totals = {name: estimate([fact.total[name] for fact in facts]) for name in facts[0].total}
    whole = sum(found.value for found in totals.values() if found)
    rows = []
    for name in names:
        total, written = totals.get(name), name in facts[0].direct and sound
        more = None
        if total and sound:
            more = estimate([fact.total[name] - fact.direct.get(name, 0.0) for fact in facts])
        rows.append(
            ShareRow(
                name,
                kind,
                estimate([fact.direct[name] for fact in facts]) if written else None,
                total,
                total.value / whole if total and whole > 0 else None,
                more,
            )
        )
    return rows


def _mediated(kind: str, facts: Sequence[_Fact]) -> list[MediatedRow]:
    found = []
    for source, through in facts[0].mediated:
        value = estimate([fact.mediated[source, through] for fact in facts])
        if value and source != through:
            found.append(MediatedRow(source, through, kind, value))
    return found


def _steps(kind: str, facts: Sequence[_Fact], places: Sequence[Place]) -> list[StepRow]:
    found = []
    for at, place in enumerate((*places, Place(BIAS, BIAS, apart=False))):
        value = estimate([fact.places[at] for fact in facts])
        if value:
            found.append(StepRow(kind, place, value))
    return found
