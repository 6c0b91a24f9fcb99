"""The rival swap: does an answer follow a state that was taken from a twin with other facts?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import torch

from duotempo.core import Tell, silent
from duotempo.flow.cases import Case, asked, said
from duotempo.flow.estimate import Estimate, estimate
from duotempo.flow.groups import (
    HOWS,
    Group,
    Means,
    Setting,
    groups_of,
    mean_writes,
    setting,
)
from duotempo.flow.probe import kinds_of
from duotempo.flow.subject import Subject

ENOUGH = 0.9
AS_IT_IS = "as it is"
FREELY = (AS_IT_IS, "rival")
"""Settings in which the model also speaks freely, which costs a run a token."""


@dataclass(frozen=True)
class Told:
    """What one question gave in one setting: the margin, the choice among the candidates (0 is
    right), and what was said freely (None: not asked; -1: none of the candidates)."""

    margin: float
    choice: int
    free: int | None = None


@dataclass(frozen=True)
class SwapRow:
    """One class of facts with some groups of channels taken away or taken from elsewhere.

    `keep` is the share that is still answered right, `follow` the share that takes the twin's
    answer (facts with a rival only), both as a choice among the candidates; `said_keep` and
    `said_follow` are the same when the model speaks freely. `drop` is how much margin was lost.
    All are None where the row does not apply.
    """

    groups: tuple[str, ...]
    how: str
    kind: str
    keep: Estimate | None = None
    follow: Estimate | None = None
    margin: Estimate | None = None
    drop: Estimate | None = None
    said_keep: Estimate | None = None
    said_follow: Estimate | None = None


@dataclass(frozen=True)
class Certificate:
    """Whether a group is needed for a class of facts (with a stranger's state, or without any where
    there is no stranger, answers are no better than chance + 2 standard errors) and enough for it
    (more than 0.9 of the answers follow the twin). None: cannot be told. So it is of `needed` where
    answers are no better with all groups: what is not known needs nothing."""

    group: str
    kind: str
    needed: bool | None
    enough: bool | None


@torch.no_grad()
def swap(subject: Subject, ready: Sequence[Case], tell: Tell = silent) -> tuple[SwapRow, ...]:
    """The causal matrix: every group of channels zeroed, at the mean, from a stranger and from the
    twin, over every class of facts; groups together zeroed and from the twin.

    A single row that loses nothing beside a joint row that does tells of redundancy. Only the first
    wording of a fact is asked.
    """
    groups, means = groups_of(subject), mean_writes(subject, ready)
    plain = [_told(subject, case, Setting(case.own), AS_IT_IS) for case in ready]
    rows = list(_rows((), AS_IT_IS, ready, plain, plain))
    agenda = [((group,), how) for group in groups for how in HOWS]
    agenda += [(group, how) for group in _joined(groups) for how in ("zero", "rival")]
    for done, (group, how) in enumerate(agenda):
        tell(f"swapping {' + '.join(g.name for g in group)}, {how}", done, len(agenda))
        found = [_in(subject, case, group, how, means) for case in ready]
        rows += _rows(tuple(g.name for g in group), how, ready, plain, found)
    tell("swapping", len(agenda), len(agenda))
    return tuple(rows)


def _joined(groups: Sequence[Group]) -> list[tuple[Group, ...]]:
    """Each pair of groups, and all groups that have a state together."""
    states = [group for group in groups if group.stores]
    every = [tuple(states)] if len(states) > 2 else []
    return [*combinations(groups, 2), *every]


def _in(
    subject: Subject, case: Case, group: Sequence[Group], how: str, means: Means
) -> Told | None:
    found = setting(subject, case, group, how, means)
    return None if found is None else _told(subject, case, found, how)


def _told(subject: Subject, case: Case, where: Setting, how: str) -> Told:
    question = case.probe.question
    trace = case.plain if how == AS_IT_IS else asked(subject, question, where.state, where.change)
    logits = trace.logits[-1]
    free = None
    if how in FREELY:
        spoken = said(question, logits, lambda ids: subject.run(ids, where.state, where.change))
        free = -1 if spoken is None else spoken
    return Told(question.margin(logits), question.choice(logits), free)


def _rows(
    names: tuple[str, ...],
    how: str,
    ready: Sequence[Case],
    plain: Sequence[Told],
    found: Sequence[Told | None],
) -> Iterator[SwapRow]:
    """A row for each class of facts."""
    for kind in kinds_of([case.probe for case in ready]):
        both = [
            (case, before, after)
            for case, before, after in zip(ready, plain, found, strict=True)
            if case.probe.kind == kind and after is not None
        ]
        rivals = [after for case, _, after in both if case.probe.has_rival]
        free = [after for _, _, after in both if after.free is not None]
        yield SwapRow(
            names,
            how,
            kind,
            keep=estimate([after.choice == 0 for _, _, after in both]),
            follow=estimate([after.choice == 1 for after in rivals]),
            margin=estimate([after.margin for _, _, after in both]),
            drop=estimate([before.margin - after.margin for _, before, after in both]),
            said_keep=estimate([after.free == 0 for after in free]),
            said_follow=estimate([after.free == 1 for after in rivals if after in free]),
        )


def certificates(rows: Sequence[SwapRow], ready: Sequence[Case]) -> tuple[Certificate, ...]:
    """What the single rows of a causal matrix say about each group and class."""
    by = {(row.groups, row.how, row.kind): row for row in rows}
    singles = dict.fromkeys(row.groups[0] for row in rows if len(row.groups) == 1)
    found = []
    for name in singles:
        for kind in kinds_of([case.probe for case in ready]):
            rows_of = {how: by[(name,), how, kind] for how in HOWS}
            keep = rows_of["random"].keep or rows_of["zero"].keep
            follow = rows_of["rival"].follow
            limit = _limit(
                [case.probe.question.chance for case in ready if case.probe.kind == kind]
            )
            plain = by[(), AS_IT_IS, kind].keep
            known = plain is not None and plain.value > limit
            needed = keep.value <= limit if keep is not None and known else None
            enough = None if follow is None else follow.value > ENOUGH
            found.append(Certificate(name, kind, needed, enough))
    return tuple(found)


def _limit(chances: Sequence[float]) -> float:
    """Chance and two standard errors of it."""
    chance = sum(chances) / len(chances)
    return chance + 2 * (chance * (1 - chance) / len(chances)) ** 0.5
