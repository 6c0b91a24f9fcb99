"""What `flow-store` asks: an almanac's facts as probes with twins, and edits of known ones."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

import torch

from duotempo.flow import Edit, Probe, Question
from duotempo.flow.subject import Ids
from duotempo.tasks.almanac import FORMS, Almanac, Key, Page
from duotempo.tasks.seeds import seeded

TEST, EDITS = 1 << 20, 1 << 21  # no batch of training has such a number
CONTEXTS = 3


@dataclass(frozen=True)
class Asking:
    """Settings: documents, far facts in each, facts of each class that are asked about each; other
    subjects that are asked beside an edit."""

    task: Almanac
    seed: int
    documents: int = 8
    told: int = 12
    each: int = 4
    neighbours: int = 4

    def probes(self) -> list[Probe]:
        """Near, far, store and weight facts of every document."""
        return [probe for number in range(self.documents) for probe in self._document(number)]

    def plain(self) -> Ids:
        """A text that no probe has."""
        random = seeded(self.seed, TEST, self.documents)
        return _ids(self.task.text(random, self.task.page(random, self.told)))

    def edits(self, count: int) -> list[Edit]:
        """Edits of weight facts, two relations of each subject; the subject's other relations and
        the same relation of other subjects, which no edit touches, should stay."""
        random = seeded(self.seed, EDITS)
        task, relations = self.task, range(self.task.relations)
        wanted: list[Key] = []
        for subject in random.sample(range(task.known), task.known):
            wanted += [(subject, relation) for relation in random.sample(relations, 2)]
        wanted = wanted[:count]
        return [self._edit(random, key, set(wanted)) for key in wanted]

    def _edit(self, random: Random, key: Key, edited: set[Key]) -> Edit:
        (subject, relation), old = key, self.task.facts[key]
        new = other(random, old, self.task.answers)
        free = [k for k in self.task.facts if k not in edited]
        beside = [k for k in free if k[0] == subject]
        around = [k for k in free if k[1] == relation and self.task.facts[k] != new]
        said = self.task.answer(relation, new)
        questions = tuple(self._question(key, form, new, old) for form in range(FORMS))
        return Edit(
            f"{subject}/{relation}",
            torch.cat((questions[0].tokens, _ids([said]))),
            questions,
            tuple(
                self._question(k, 0, self.task.facts[k], new)
                for k in random.sample(around, min(self.neighbours, len(around)))
            ),
            tuple(self._question(k, 0, self.task.facts[k], leak=said) for k in beside),
        )

    def _question(
        self, key: Key, form: int, answer: int, rival: int | None = None, leak: int | None = None
    ) -> Question:
        """A question with all answers of its relation, the right one first, the rival second; and
        an answer of another relation that may leak into it."""
        subject, relation = key
        order = dict.fromkeys([answer, *([] if rival is None else [rival])])
        order |= dict.fromkeys(range(self.task.answers))
        tokens = [self.task.answer(relation, each) for each in order]
        tokens += [] if leak is None or leak in tokens else [leak]
        asked = _ids([subject, self.task.relation(relation, form)])
        return Question(asked, tuple(_ids([token]) for token in tokens))

    def _document(self, number: int) -> Iterator[Probe]:
        random = seeded(self.seed, TEST, number)
        task, page = self.task, self.task.page(random, self.told)
        twin = Page(
            {key: other(random, answer, task.answers) for key, answer in page.far.items()},
            {key: other(random, answer, task.answers) for key, answer in page.near.items()},
            page.filler,
        )
        order = random.getrandbits(32)
        text, donor = (task.text(Random(order), each) for each in (page, twin))
        orders = [Random(order + turn) for turn in range(1, CONTEXTS)]
        others = [task.text(r, Page(page.far, page.near, task.filler(r))) for r in orders]
        contexts = tuple(map(_ids, (text, *others)))
        far, near = (random.sample(list(part), self.each) for part in (page.far, page.near))
        for kind, keys in (("near", near), ("far", far), ("store", far)):
            for key in keys:
                rival = twin.facts[key]
                questions = self._wordings(key, page.facts[key], rival)
                name = f"{number}/{kind}/{key[0]}/{key[1]}"
                yield Probe(name, kind, questions, _ids(text), _ids(donor), True, contexts)
        yield from self._weights(random, number, page, (text, donor))

    def _weights(
        self, random: Random, number: int, page: Page, texts: tuple[list[int], list[int]]
    ) -> Iterator[Probe]:
        """Facts that the document does not state, asked in it, in its twin, after filler, and
        where it says otherwise."""
        task = self.task
        known = [key for key in task.facts if key not in page.facts]
        for key in random.sample(known, self.each):
            lie = other(random, task.facts[key], task.answers)
            text, donor = texts
            said = task.said(random, [(key, lie)])
            contradictions = {"near": text + said, "far": said + text, "store": said + text}
            yield Probe(
                f"{number}/weights/{key[0]}/{key[1]}",
                "weights",
                self._wordings(key, task.facts[key], lie),
                _ids(text),
                _ids(donor),
                True,
                tuple(map(_ids, (text, donor, page.filler))),
                {where: _ids(tokens) for where, tokens in contradictions.items()},
            )

    def _wordings(self, key: Key, answer: int, rival: int) -> tuple[Question, ...]:
        return tuple(self._question(key, form, answer, rival) for form in range(FORMS))


def other(random: Random, answer: int, answers: int) -> int:
    """Another answer."""
    return (answer + random.randrange(1, answers)) % answers


def _ids(tokens: Iterable[int]) -> Ids:
    return torch.tensor(list(tokens), dtype=torch.long)
