"""Contextuality: how much a reading of a fact hangs on the occasion, and what a lie does to it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.core import Tell, silent
from duotempo.flow.cases import Case, Memo, asked
from duotempo.flow.estimate import Estimate, estimate
from duotempo.flow.probe import kinds_of
from duotempo.flow.subject import Subject, lasting

PLACES = ("near", "far", "store")


@dataclass(frozen=True)
class Split:
    """The variance of the margins of one fact over contexts and wordings, in three parts that sum
    to it: what changes with the context alone, with the wording alone, and the rest."""

    context: float
    wording: float
    rest: float


@dataclass(frozen=True)
class ContextRow:
    """A class of facts asked in several contexts and wordings.

    `spread` is the Jensen-Shannon divergence of the readings over log(candidates): 0, the same
    reading everywhere; 1, wholly a matter of the occasion. `flips` is the share of readings that
    choose otherwise than most. None: its facts have one context and one wording.
    """

    kind: str
    spread: Estimate | None
    flips: Estimate | None
    context: Estimate | None
    wording: Estimate | None
    rest: Estimate | None


@dataclass(frozen=True)
class SwayRow:
    """A class of facts that the text contradicts at one place (near, far, store): KL(without ||
    with) over the candidates in nats, and how often the lie is followed or the answer kept. Without
    it the fact is asked in its own document, so KL has in it whatever else the texts differ in."""

    kind: str
    where: str
    kl: Estimate | None
    follow: Estimate | None
    keep: Estimate | None


@dataclass(frozen=True)
class Contextuality:
    """By class; and by class and place of a contradiction."""

    rows: tuple[ContextRow, ...]
    sways: tuple[SwayRow, ...]


@dataclass(frozen=True)
class _Fact:
    kind: str
    spread: float
    flips: float
    split: Split


def divergence(p: Float[Tensor, "reading candidate"]) -> float:
    """[H(mean p) - mean H(p)] / log(candidates): Jensen-Shannon divergence, 0 to 1."""
    both = _entropy(p.mean(0)) - float(sum(_entropy(row) for row in p) / len(p))
    return max(both, 0.0) / math.log(p.shape[1])


def _entropy(p: Float[Tensor, " candidate"]) -> float:
    return float(-torch.special.xlogy(p, p).sum())


def flips(choices: Sequence[int]) -> float:
    """The share of choices that are not the commonest one."""
    return 1 - max(choices.count(choice) for choice in choices) / len(choices)


def split(margins: Float[Tensor, "context wording"]) -> Split:
    """Two-way analysis of variance with one value a cell, in population variances."""
    contexts = float(margins.mean(1).var(correction=0))
    wordings = float(margins.mean(0).var(correction=0))
    return Split(contexts, wordings, max(float(margins.var(correction=0)) - contexts - wordings, 0))


@torch.no_grad()
def contextuality(subject: Subject, ready: Sequence[Case], tell: Tell = silent) -> Contextuality:
    """Every fact in all its contexts (its own document where it has none) and wordings, then with
    its contradictions. Takes contexts * wordings runs a fact, and one a contradiction."""
    facts, swayed, memo = [], [], Memo(subject, ready)
    for done, case in enumerate(ready):
        tell("contexts", done, len(ready))
        contexts = case.probe.contexts
        states = [memo(text, case.probe.kind) for text in contexts] or [case.own]
        if len(states) * len(case.probe.questions) > 1:
            facts.append(_fact(subject, case, states))
        swayed += _swayed(subject, case, memo)
    tell("contexts", len(ready), len(ready))
    kinds = kinds_of([case.probe for case in ready])
    rows = [_row(kind, [fact for fact in facts if fact.kind == kind]) for kind in kinds]
    return Contextuality(tuple(rows), tuple(_sways(kinds, swayed)))


def _fact(subject: Subject, case: Case, states: Sequence[object]) -> _Fact:
    spreads, choices, margins = [], [], []
    for state in states:
        for question in case.probe.questions:
            known = state is case.own and question is case.probe.question
            trace = case.plain if known else asked(subject, question, state)
            logits = trace.logits[-1]
            spreads.append(question.spread(logits))
            choices.append(question.choice(logits))
            margins.append(question.margin(logits))
    grid = torch.tensor(margins, dtype=torch.float64).view(len(states), -1)
    return _Fact(case.probe.kind, divergence(torch.stack(spreads)), flips(choices), split(grid))


def _row(kind: str, facts: Sequence[_Fact]) -> ContextRow:
    return ContextRow(
        kind,
        estimate([fact.spread for fact in facts]),
        estimate([fact.flips for fact in facts]),
        estimate([fact.split.context for fact in facts]),
        estimate([fact.split.wording for fact in facts]),
        estimate([fact.split.rest for fact in facts]),
    )


def _swayed(subject: Subject, case: Case, memo: Memo) -> Iterator[tuple[str, str, float, int]]:
    """(class, where, KL, choice) of each contradiction that can be made."""
    question = case.probe.question
    plain = question.spread(case.plain.logits[-1])
    for where, text in case.probe.contradictions.items():
        if where == "store" and not lasting(subject):
            continue
        logits = asked(subject, question, memo(text, where)).logits[-1]
        told = question.spread(logits)
        kl = float((torch.special.xlogy(plain, plain) - torch.special.xlogy(plain, told)).sum())
        yield case.probe.kind, where, max(kl, 0.0), question.choice(logits)


def _sways(kinds: Sequence[str], found: Sequence[tuple[str, str, float, int]]) -> Iterator[SwayRow]:
    for kind in kinds:
        for where in PLACES:
            own = [(kl, choice) for k, w, kl, choice in found if (k, w) == (kind, where)]
            yield SwayRow(
                kind,
                where,
                estimate([kl for kl, _ in own]),
                estimate([choice == 1 for _, choice in own]),
                estimate([choice == 0 for _, choice in own]),
            )
