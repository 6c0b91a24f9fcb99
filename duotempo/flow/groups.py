"""Channels by the question they answer, and what a run is like without some of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from torch import Tensor

from duotempo.flow.cases import Case
from duotempo.flow.subject import (
    ATTENTION,
    LATENT,
    MEMORY,
    PERSISTENT,
    TAILS,
    WEIGHTS,
    Change,
    Place,
    Subject,
    stores_of_memory,
)

MOST = 5
"""Groups at most: their Shapley values take 2^groups runs a fact."""
HOWS = ("zero", "mean", "random", "rival")

Means = Mapping[str, Float[Tensor, " width"]]


@dataclass(frozen=True)
class Group:
    """Channels that stand or fall together: those with a part of the state, those that write."""

    name: str
    stores: tuple[str, ...]
    writes: tuple[str, ...]

    @property
    def bare(self) -> list[str]:
        """The channels that write and have no part of the state."""
        return [name for name in self.writes if name not in self.stores]


@dataclass(frozen=True)
class Setting:
    """The state a question is asked in and what is changed on the way."""

    state: Any
    change: Change | None = None


def groups_of(subject: Subject) -> tuple[Group, ...]:
    """context, every store (together when there are more than two), slots, weights: those that
    the subject has."""
    written = {place.channel for place in subject.places}
    memories = stores_of_memory(subject)
    apart = [(name, (name,)) for name in memories]
    wanted = [
        ("context", (ATTENTION, TAILS)),
        *(apart if len(memories) <= MOST - 3 else [(MEMORY.rstrip("."), memories)]),
        ("slots", (PERSISTENT, LATENT)),
        ("weights", (WEIGHTS,)),
    ]
    found = []
    for name, channels in wanted:
        stores = tuple(channel for channel in channels if channel in subject.stores)
        writes = tuple(channel for channel in channels if channel in written)
        if stores or writes:
            found.append(Group(name, stores, writes))
    return tuple(found)


def mean_writes(subject: Subject, ready: Sequence[Case]) -> Means:
    """What each place adds on the average, over the tokens of all questions."""
    sums, count = None, 0
    for case in ready:
        own = case.plain.writes.sum(1)
        sums, count = own if sums is None else sums + own, count + case.plain.streams.shape[1]
    if sums is None:
        return {}
    names = [place.name for place in subject.places]
    return dict(zip(names, (sums / count).unbind(0), strict=True))


def setting(
    subject: Subject, case: Case, group: Sequence[Group], how: str, means: Means
) -> Setting | None:
    """A case without some groups; None where this does not apply to them.

    `zero`: empty parts of the state, and no write where there is no state. `mean`: the mean write.
    `random` and `rival`: parts of the state from a stranger's document, from the twin's.
    """
    stores = [name for one in group for name in one.stores]
    bare = [name for one in group for name in one.bare]
    if how == "zero":
        return Setting(subject.zeroed(case.own, stores), replaced(bare, {}) if bare else None)
    if how == "mean":
        writes = [name for one in group for name in one.writes]
        apart = all(place.apart for place in subject.places if place.channel in writes)
        speaking = all(one.writes for one in group)
        return Setting(case.own, replaced(writes, means)) if speaking and apart else None
    donor = {"random": case.stranger, "rival": case.twin}[how]
    if donor is None or not all(one.stores for one in group):
        return None
    return Setting(subject.swapped(case.own, donor, stores))


def absent(
    subject: Subject, case: Case, groups: Sequence[Group], means: Means, twin: bool
) -> Setting:
    """A case without some groups, whatever they are: stores as in the twin (or empty), writes
    without a state at their mean."""
    stores = [name for one in groups for name in one.stores]
    bare = [name for one in groups for name in one.bare]
    if twin and case.twin is not None:
        state = subject.swapped(case.own, case.twin, stores)
    else:
        state = subject.zeroed(case.own, stores)
    return Setting(state, replaced(bare, means) if bare else None)


def replaced(channels: Collection[str], means: Means) -> Change:
    """The change that puts means, or nothing, in the place of what some channels write."""

    def change(place: Place, write: Tensor) -> Tensor:
        if place.channel not in channels:
            return write
        if place.name in means:
            return means[place.name].to(write).expand_as(write)
        return write.new_zeros(write.shape)

    return change
