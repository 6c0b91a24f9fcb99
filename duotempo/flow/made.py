"""Probes that are made: invented facts in documents with twins, and facts that weights know."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from duotempo.core import UserError
from duotempo.flow.facts import Asked, Fact
from duotempo.flow.made_words import FILLERS, KNOWN, NAMES, RELATIONS, Relation

ALTERNATIVES = 6
CONTEXTS = 3


@dataclass(frozen=True)
class Made:
    """Settings of a set of probes: documents, subjects a document (each has two facts, and half of
    the subjects are near), sentences between far and near, facts a document that weights may know,
    and whether the stores are asked too. Raises `UserError`."""

    documents: int = 4
    subjects: int = 4
    between: int = 12
    known: int = 4
    store: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        if self.documents < 1 or self.subjects < 2 or self.subjects % 2 or self.between < 1:
            raise UserError(
                f"documents={self.documents}, subjects={self.subjects}, between={self.between}: "
                "at least one document, an even number of subjects and one sentence between"
            )
        if self.documents * self.subjects > len(NAMES):
            raise UserError(
                f"{self.documents} documents of {self.subjects} subjects need more than the "
                f"{len(NAMES)} names there are: ask for fewer"
            )

    def facts(self) -> tuple[Fact, ...]:
        """The same for the same seed: for each document its far and near facts (and those of the
        store, when asked), and facts that it does not mention."""
        random = Random(self.seed)
        names = random.sample(NAMES, self.documents * self.subjects)
        known = random.sample(KNOWN, len(KNOWN))
        found: list[Fact] = []
        for number in range(self.documents):
            own = names[number * self.subjects : (number + 1) * self.subjects]
            page = _page(random, own, self.between)
            found += page.asked("far", number) + page.asked("near", number)
            found += page.asked("store", number) if self.store else []
            found += [
                _known(random, page, one) for one in known[number :: self.documents][: self.known]
            ]
        return tuple(found)


@dataclass(frozen=True)
class Told:
    """A subject, a relation, what the document says of it and what the twin does."""

    name: str
    relation: Relation
    answer: str
    rival: str

    def sentence(self, answer: str, wording: int = 0) -> str:
        """The fact as a sentence."""
        return f"{self.relation.wordings[wording].format(self.name)} {answer}."


@dataclass(frozen=True)
class Page:
    """The facts of one document, and the sentences between."""

    far: tuple[Told, ...]
    near: tuple[Told, ...]
    between: tuple[str, ...]

    def text(self, twin: bool = False) -> str:
        """The document, or its twin: the same but for the answers."""
        far, near = (
            [told.sentence(told.rival if twin else told.answer) for told in part]
            for part in (self.far, self.near)
        )
        return " ".join([*far, *self.between, *near])

    def asked(self, kind: str, number: int) -> list[Fact]:
        """The facts of one class: of `store` the far ones."""
        part = self.near if kind == "near" else self.far
        return [self._fact(told, kind, number) for told in part]

    def _fact(self, told: Told, kind: str, number: int) -> Fact:
        words = told.relation.wordings
        every = (*self.far, *self.near)
        others = [a for a in told.relation.answers if a not in (told.answer, told.rival)]
        orders = [self.between[turn:] + self.between[:turn] for turn in range(1, CONTEXTS)]
        return Fact(
            f"{number}/{kind}/{told.name}/{told.relation.name}",
            kind,
            tuple(wording.format(told.name) for wording in words),
            told.answer,
            tuple(others[: ALTERNATIVES - 1]),
            told.rival,
            document=self.text(),
            donor=self.text(twin=True),
            contexts=(self.text(), *(replace(self, between=order).text() for order in orders)),
            neighbours=tuple(
                Asked(words[0].format(other.name), other.answer)
                for other in every
                if other.relation == told.relation and other.name != told.name
            ),
            same_subject=tuple(
                Asked(other.relation.wordings[0].format(other.name), other.answer)
                for other in every
                if other.name == told.name and other.relation != told.relation
            ),
            subject=told.name,
        )


def _page(random: Random, names: Sequence[str], between: int) -> Page:
    """A document about some subjects, two facts each."""
    told = []
    for name in names:
        for relation in random.sample(RELATIONS, 2):
            answer, rival = random.sample(relation.answers, 2)
            told.append(Told(name, relation, answer, rival))
    half = len(told) // 2
    sentences = tuple(random.choices(FILLERS, k=between))
    return Page(tuple(told[:half]), tuple(told[half:]), sentences)


def _known(random: Random, page: Page, known: tuple[Relation, str, str]) -> Fact:
    """A fact that weights may know, asked after a document that does not mention it."""
    relation, name, answer = known
    others = [other for other in relation.answers if other != answer]
    rival, *alternatives = random.sample(others, min(ALTERNATIVES, len(others)))
    told = Told(name, relation, answer, rival)
    lie, between = told.sentence(rival), " ".join(page.between)
    return Fact(
        f"weights/{name}/{relation.name}",
        "weights",
        tuple(wording.format(name) for wording in relation.wordings),
        answer,
        tuple(alternatives),
        rival,
        document=page.text(),
        donor=page.text(twin=True),
        contexts=(page.text(), between, page.text(twin=True)),
        contradictions={
            "near": f"{between} {lie}",
            "far": f"{lie} {between}",
            "store": f"{lie} {between}",
        },
        neighbours=tuple(
            Asked(relation.wordings[0].format(other), its)
            for kind, other, its in KNOWN
            if kind == relation and other != name
        )[:ALTERNATIVES],
        same_subject=tuple(
            Asked(kind.wordings[0].format(name), its)
            for kind, other, its in KNOWN
            if other == name and kind != relation
        ),
        subject=name,
    )
