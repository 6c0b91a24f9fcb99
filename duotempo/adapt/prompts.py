"""The fast channel: a population of prompts, best on different examples, that edits improve."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Protocol, runtime_checkable

from duotempo.core import UserError
from duotempo.tasks.verifiable import Problem, Score

SEED = 0
"""The number of the prompt that a task gives."""
Scores = tuple[tuple[float, ...], ...]
"""A row for each prompt, a column for each anchor problem."""


@dataclass(frozen=True)
class Prompt:
    """One member of a population: its text, its number, the number of the one it was made from
    (None: given), the cycle it was made in, and by whom."""

    text: str
    number: int = 0
    parent: int | None = None
    cycle: int = 0
    by: str = "given"


@dataclass(frozen=True)
class Trial:
    """One answer under a prompt, and what it was worth."""

    problem: Problem
    answer: str
    score: Score


@runtime_checkable
class Judge(Protocol):
    """Asks the policy as it is now. Every answer counts as a rollout."""

    def __call__(self, prompt: str, problems: Sequence[Problem], /) -> Sequence[Trial]: ...


@runtime_checkable
class Reflector(Protocol):
    """Reads what went wrong under a prompt and edits it; None: has no idea."""

    def __call__(self, prompt: str, trials: Sequence[Trial], random: Random, /) -> str | None: ...


@dataclass(frozen=True)
class Population:
    """Prompts and what each was worth on every anchor, under the weights of this cycle; `made`
    counts all prompts there ever were, so that numbers stay unique, and `gone` are those that had
    to leave: with them the family tree is whole."""

    prompts: tuple[Prompt, ...]
    scores: Scores = ()
    made: int = 0
    gone: tuple[Prompt, ...] = ()

    @staticmethod
    def of(*texts: str) -> "Population":
        """The population of given prompts, not measured yet."""
        unique = tuple(dict.fromkeys(texts))
        return Population(tuple(Prompt(t, i) for i, t in enumerate(unique)), (), len(unique))

    @property
    def means(self) -> tuple[float, ...]:
        """The mean score of each prompt."""
        return tuple(sum(row) / len(row) for row in self.scores)

    @property
    def best(self) -> Prompt:
        """The prompt with the highest mean, of equals the seed or the first; before any
        measurement the first one."""
        if not self.scores:
            return self.prompts[0]
        means, prompts = self.means, self.prompts
        places = range(len(means))
        return prompts[max(places, key=lambda i: (means[i], prompts[i].number == SEED))]

    def joined(self, prompt: Prompt, row: tuple[float, ...]) -> "Population":
        """The population with one more."""
        return replace(
            self,
            prompts=(*self.prompts, prompt),
            scores=(*self.scores, row),
            made=max(self.made, prompt.number + 1),
        )

    def only(self, kept: Sequence[int]) -> "Population":
        """Those at these places, in this order."""
        return replace(
            self,
            prompts=tuple(self.prompts[i] for i in kept),
            scores=tuple(self.scores[i] for i in kept) if self.scores else (),
            gone=(*self.gone, *(p for i, p in enumerate(self.prompts) if i not in kept)),
        )


def leads(scores: Scores) -> list[frozenset[int]]:
    """For each prompt the anchors on which no other is better, and it is worth anything."""
    best = [max(column) for column in zip(*scores, strict=True)]
    return [frozenset(i for i, value in enumerate(row) if value >= best[i] > 0) for row in scores]


def front(scores: Scores) -> list[int]:
    """Places of the prompts on the Pareto front over anchors: each leads somewhere, and no other
    leads everywhere it does and more (or the same with a higher mean, or came earlier).

    Source: GEPA, arXiv 2507.19457, algorithm 2.
    """
    held = leads(scores)
    means = [sum(row) for row in scores]

    def covered(i: int, j: int) -> bool:
        return held[i] < held[j] or (held[i] == held[j] and (means[j], -j) > (means[i], -i))

    there = range(len(scores))
    return [i for i in there if held[i] and not any(covered(i, j) for j in there if j != i)]


@dataclass(frozen=True)
class Search:
    """One cycle of prompt evolution: `first` proposals for a population that was never measured,
    `proposals` for others.

    A parent is drawn from the front by how many anchors it leads, tried on `minibatch` problems,
    edited by the reflector, and its child joins only if it is better there (the gate), with a
    row of anchor scores of its own. `size` prompts are kept, the best and the seed among them: what
    beats the seed prompt is known only as long as it is measured too. Raises `UserError`.
    """

    proposals: int = 6
    first: int = 48
    minibatch: int = 6
    size: int = 8

    def __post_init__(self) -> None:
        if min(self.proposals, self.first) < 0 or self.minibatch < 1 or self.size < 2:
            raise UserError(
                f"proposals={self.proposals}, first={self.first}, minibatch={self.minibatch}, "
                f"size={self.size}: no fewer than 0, 0, 1 and 2 (the seed prompt and the best)"
            )

    def cycle(
        self,
        population: Population,
        judge: Judge,
        reflector: Reflector,
        anchors: Sequence[Problem],
        others: Sequence[Problem],
        random: Random,
        number: int,
    ) -> Population:
        """The population after a cycle, every kept prompt measured again: weights have moved
        since, and a score of another policy is worth nothing."""
        now = measured(population, judge, anchors)
        for _ in range(self.proposals if population.scores else self.first):
            parent = self.parent(now, random)
            batch = random.sample(list(others), min(self.minibatch, len(others)))
            before = judge(parent.text, batch)
            text = reflector(parent.text, before, random)
            if text is None or any(text == prompt.text for prompt in now.prompts):
                continue
            if total(judge(text, batch)) <= total(before):
                continue
            child = Prompt(text, now.made, parent.number, number, name(reflector))
            now = now.joined(child, row(judge(text, anchors)))
        return self.kept(now)

    def parent(self, population: Population, random: Random) -> Prompt:
        """A prompt of the front, by how many anchors it leads; any if none leads."""
        held = leads(population.scores)
        places = front(population.scores) or list(range(len(population.prompts)))
        weights = [max(1, len(held[i])) for i in places]
        return population.prompts[random.choices(places, weights)[0]]

    def kept(self, population: Population) -> Population:
        """The best and the seed, then the front, then the best means: `size` in all."""
        means, prompts = population.means, population.prompts
        first, best = set(front(population.scores)), population.best
        order = sorted(
            range(len(means)),
            key=lambda i: (
                prompts[i] != best and prompts[i].number != SEED, i not in first, -means[i], i,
            ),
        )  # fmt: skip
        return population.only(order[: self.size])


def measured(population: Population, judge: Judge, anchors: Sequence[Problem]) -> Population:
    """The population with every score measured now."""
    return replace(
        population, scores=tuple(row(judge(p.text, anchors)) for p in population.prompts)
    )


def row(trials: Sequence[Trial]) -> tuple[float, ...]:
    """Values of trials."""
    return tuple(trial.score.value for trial in trials)


def total(trials: Sequence[Trial]) -> float:
    """The sum of their values."""
    return sum(row(trials))


def name(reflector: Reflector) -> str:
    """What a reflector is called in the family tree."""
    return str(getattr(reflector, "name", type(reflector).__name__.lower()))


def for_weights(population: Population, most: int, margin: float = 0.1) -> tuple[Prompt, ...]:
    """The prompts under which the weights may learn: at most `most`, best first, and none whose
    mean is more than `margin` below the best one's. Under a half-right prompt weights learn the
    other half, and its words lose their meaning."""
    means = population.means
    order = sorted(range(len(means)), key=lambda i: (-means[i], i))
    near = [i for i in order if means[i] >= means[order[0]] - margin]
    return tuple(population.prompts[i] for i in near[:most])
