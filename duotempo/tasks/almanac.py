"""Almanac: facts that hold in every text beside facts that one text states, asked side by side."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from random import Random

import torch
from jaxtyping import Int64
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, asked_batch
from duotempo.tasks.seeds import seeded

FORMS = 2
"""Wordings of a relation: tokens that mean the same."""
NEAR, ASKED = 4, 8
FRESH = 4
"""Questions behind a text in which the near facts may come; after them they leave a window."""

Key = tuple[int, int]
"""A subject and a relation."""


@dataclass(frozen=True)
class Page:
    """What one text states, far from its end and near it, and the filler between."""

    far: dict[Key, int]
    near: dict[Key, int]
    filler: tuple[int, ...]

    @property
    def facts(self) -> dict[Key, int]:
        """All that is stated."""
        return {**self.far, **self.near}


@dataclass(frozen=True)
class Almanac:
    """Texts of statements "subject relation answer", a token each, then questions of that form.

    Subjects below `known` have an answer to each of `relations` that holds in every text of this
    `world` and is stated in none (what weights can learn); of `strangers` a text says what it
    likes. A text states `told` facts (one number a batch), several of a subject and some of them
    of known subjects, where the text counts; then `between` tokens of filler, then four facts more.
    Eight questions follow: near facts only among the first four. With a told of 0 there are but
    near facts, asked first, and in every fourth batch no text at all.
    Raises `UserError` for sizes that do not go together.
    """

    known: int = 50
    strangers: int = 40
    relations: int = 4
    answers: int = 12
    fillers: int = 16
    told: tuple[int, ...] = (0, 12, 24)
    between: int = 48
    rows: int = 32
    overruled: float = 0.3
    world: int = 0

    def __post_init__(self) -> None:
        sizes = (self.known, self.strangers, self.fillers, self.rows, self.between)
        if min(sizes) < 1 or self.relations < 2 or self.answers < 2 or not self.told:
            raise UserError(f"{self}: at least one of each, two relations and two answers")
        if min(self.told) < 0 or 3 * (max(self.told) + NEAR) > 2 * self.strangers * self.relations:
            raise UserError(
                f"told={self.told}: from 0 to two thirds of what {self.strangers} strangers of "
                f"{self.relations} relations hold, less {NEAR}"
            )
        if self.known * self.relations < 2 * ASKED or not 0 <= self.overruled < 1:
            raise UserError(
                f"known={self.known}, overruled={self.overruled}: enough subjects to ask "
                f"{ASKED} questions about, and a share below 1"
            )

    @property
    def subjects(self) -> int:
        """Known ones and strangers."""
        return self.known + self.strangers

    @property
    def vocabulary(self) -> int:
        """Subjects, relations in each wording, answers of each relation, filler."""
        return self.subjects + self.relations * (FORMS + self.answers) + self.fillers

    @property
    def chance(self) -> float:
        """A guess among the answers of a relation."""
        return 1 / self.answers

    def relation(self, relation: int, form: int) -> int:
        """The token of a relation in a wording."""
        return self.subjects + FORMS * relation + form

    def answer(self, relation: int, answer: int) -> int:
        """The token of an answer."""
        return self.subjects + self.relations * FORMS + self.answers * relation + answer

    def candidates(self, relation: int) -> range:
        """The tokens of all answers of a relation."""
        first = self.answer(relation, 0)
        return range(first, first + self.answers)

    @property
    def facts(self) -> dict[Key, int]:
        """What holds in every text of this world."""
        return _world(self.known, self.relations, self.answers, self.world)

    def page(self, random: Random, told: int, near: int = NEAR) -> Page:
        """A text with so many far facts, and near ones."""
        taken: set[int] = set()
        far = self._facts(random, told, taken)
        return Page(far, self._facts(random, near, taken), self.filler(random) if told else ())

    def filler(self, random: Random) -> tuple[int, ...]:
        """Tokens that say nothing."""
        first = self.vocabulary - self.fillers
        return tuple(random.randrange(first, first + self.fillers) for _ in range(self.between))

    def said(self, random: Random, facts: Iterable[tuple[Key, int]]) -> list[int]:
        """Statements of some facts, each in any wording."""
        return [
            token
            for (subject, relation), answer in facts
            for token in (
                subject,
                self.relation(relation, random.randrange(FORMS)),
                self.answer(relation, answer),
            )
        ]

    def text(self, random: Random, page: Page) -> list[int]:
        """A page in tokens, its statements in any order."""
        far, near = (_shuffled(random, part.items()) for part in (page.far, page.near))
        return [*self.said(random, far), *page.filler, *self.said(random, near)]

    def batch(self, seed: int, index: int) -> Batch:
        """The texts of this number."""
        told = seeded(seed, index).choice(self.told)
        near = NEAR if told or index % 4 else 0
        rows = [self._row(seeded(seed, index, row), told, near) for row in range(self.rows)]
        whole = torch.tensor(rows)
        asked = torch.zeros(whole.shape, dtype=torch.bool)
        asked[:, 2 - 3 * ASKED :: 3] = True
        return asked_batch(whole, asked)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def oracle(self, tokens: Int64[Tensor, "batch time"]) -> Int64[Tensor, "batch time"]:
        """The answer behind every subject and relation: the one said before, else the world's."""
        found = torch.zeros_like(tokens)
        first = self.answer(0, 0)
        for row, guesses in zip(tokens.tolist(), found, strict=True):
            said: dict[Key, int] = {}
            for at in range(1, len(row)):
                subject, form = row[at - 1], row[at] - self.subjects
                if subject >= self.subjects or not 0 <= form < self.relations * FORMS:
                    continue
                key = (subject, form // FORMS)
                known = self.facts.get(key)
                guesses[at] = said.get(key, 0 if known is None else self.answer(key[1], known))
                if at + 1 < len(row) and row[at + 1] >= first:
                    said[key] = row[at + 1]
        return found

    def _row(self, random: Random, told: int, near: int) -> list[int]:
        page = self.page(random, told, near)
        asked = self._asked(random, page)
        return self.text(random, page) + self.said(random, asked)

    def _facts(self, random: Random, count: int, taken: set[int]) -> dict[Key, int]:
        """Facts of subjects that are not taken yet, two of each and more of some."""
        found: dict[Key, int] = {}
        while len(found) < count:
            known = random.random() < self.overruled
            one = random.randrange(self.known) if known else self._stranger(random)
            if one in taken:
                continue
            taken.add(one)
            many = min(count - len(found), random.randint(2, self.relations))
            for relation in random.sample(range(self.relations), many):
                found[one, relation] = random.randrange(self.answers)
        return found

    def _stranger(self, random: Random) -> int:
        return self.known + random.randrange(self.strangers)

    def _asked(self, random: Random, page: Page) -> list[tuple[Key, int]]:
        """Eight questions with their answers, no fact twice; half of what weights are asked is of
        subjects that the text speaks of, where it says nothing of this relation."""
        stated = page.facts
        spoken = {subject for subject, _ in stated}
        free = {key: answer for key, answer in self.facts.items() if key not in stated}
        beside = _shuffled(random, (item for item in free.items() if item[0][0] in spoken))
        any_known = random.sample(list(free.items()), ASKED)
        rest = [item for item in any_known if item not in beside[: ASKED // 2]]
        weights = _shuffled(random, [*beside[: ASKED // 2], *rest][:ASKED])
        near, far = (_shuffled(random, part.items()) for part in (page.near, page.far))
        pools = {"near": near, "far": far, "weights": weights}
        found = []
        for place in range(ASKED):
            names = [name for name in pools if pools[name] and (name != "near" or place < FRESH)]
            name = random.choice(names) if far or "near" not in names else "near"
            found.append(pools[name].pop())
        return found


def _shuffled(
    random: Random, items: Iterable[tuple[Key, int]] | Sequence[tuple[Key, int]]
) -> list[tuple[Key, int]]:
    found = list(items)
    random.shuffle(found)
    return found


@lru_cache(8)
def _world(known: int, relations: int, answers: int, world: int) -> dict[Key, int]:
    """What is so, for every known subject and relation."""
    random = seeded(world, known, relations, answers)
    keys = [(subject, relation) for subject in range(known) for relation in range(relations)]
    return {key: random.randrange(answers) for key in keys}
