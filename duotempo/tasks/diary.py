"""Diaries of invented people: facts told once, questions about them, the same facts again."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import ClassVar

from duotempo.core import UserError
from duotempo.tasks.diary_words import FILLERS, FIRST_NAMES, KINDS, SLOTS, SURNAMES, Kind

PEOPLE = 10
MOST = 2000
"""Sentences of a diary: the forms of everyday life have far more variants, so none need repeat."""
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
YEAR = "January February March April May June July August September October November December"


@dataclass(frozen=True)
class Fact:
    """One fact of a diary and the ways to ask for it; `candidates` holds the answer and its rivals.

    After `verbatim`, `cloze` and `stub` the next thing is a space and the answer. `verbatim` is
    the beginning of `sentence`, which stands in the evicted text; `cloze` says it in other words;
    `stub` begins the answer to `question`; `restated` stands in the text that follows. The
    candidates are the answers of the same kind in this very diary, in random order.
    """

    kind: str
    person: str
    answer: str
    sentence: str
    restated: str
    verbatim: str
    cloze: str
    question: str
    stub: str
    candidates: tuple[str, ...]


@dataclass(frozen=True)
class DiaryText:
    """A diary in three parts: `evicted` tells the facts, `window` none, `next` tells all again."""

    evicted: str
    window: str
    next: str
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Diary:
    """Diaries of ten invented people with four facts each: a dog, a city, a job, an instrument.

    Entries per part, each of so many `sentences`: facts among sentences of everyday life, of
    which none occurs twice. By default about 1,990, 730 and 2,520 SmolLM2 tokens. Asked for an
    answer, one of ten candidates from the same diary is right: chance is 0.1. The seeds 2k and
    2k + 1 share neither a name nor an answer, so each is the other's control: same style, other
    facts. Raises `UserError` for sizes that cannot hold the facts.
    """

    entries: int = 20
    window_entries: int = 8
    next_entries: int = 26
    sentences: int = 5
    chance: ClassVar[float] = 1 / PEOPLE

    def __post_init__(self) -> None:
        fewest = min(self.entries, self.next_entries)
        if self.window_entries < 1 or fewest * self.sentences < PEOPLE * len(KINDS):
            raise UserError(
                f"{self} cannot hold its {PEOPLE * len(KINDS)} facts: entries times sentences "
                "must reach that number, and the window needs an entry"
            )
        if (self.entries + self.window_entries + self.next_entries) * self.sentences > MOST:
            raise UserError(f"{self} is too long: {MOST} sentences are the most that all differ")

    def make(self, seed: int) -> DiaryText:
        """The diary of a seed; the same seed gives the same bytes."""
        random = Random(seed)
        facts = _facts(seed, random)
        days, fillers = _days(random), _fillers(random)

        def part(said: Sequence[str], entries: int) -> str:
            lines = []
            for i in range(entries):
                today = said[len(said) * i // entries : len(said) * (i + 1) // entries]
                places = set(random.sample(range(self.sentences), len(today)))
                facts_today = iter(today)
                words = [
                    next(facts_today if place in places else fillers)
                    for place in range(self.sentences)
                ]
                lines.append(f"{next(days)} {' '.join(words)}\n\n")
            return "".join(lines)

        told = random.sample(facts, len(facts))
        again = random.sample(facts, len(facts))
        return DiaryText(
            evicted=part([f.sentence for f in told], self.entries),
            window=part([], self.window_entries),
            next=part([f.restated for f in again], self.next_entries),
            facts=tuple(told),
        )

    def batches(self, seed: int) -> Iterator[DiaryText]:
        """Diaries without end, the first of them `make(seed)`."""
        yield self.make(seed)
        random = Random(seed)
        while True:
            yield self.make(random.getrandbits(62))


def oracle(text: str, fact: Fact) -> str:
    """The answer that a text gives for a fact's person and kind, read out by rule.

    Knows the sentence forms, not the answer; an empty string when the text does not say it.
    """
    kind = next(k for k in KINDS if k.name == fact.kind)
    for form in (*kind.told, *kind.retold):
        pattern = re.escape(form.format(n=fact.person, a="@")).replace("@", r"(\w+)")
        if found := re.search(pattern, text):
            return found[1]
    return ""


def _facts(seed: int, random: Random) -> list[Fact]:
    """The facts of a seed; it takes the first half of a draw and its twin (seed ^ 1) the second."""
    draw, half = Random(seed // 2), seed % 2 * PEOPLE

    def mine(pool: str) -> list[str]:
        return draw.sample(pool.split(), 2 * PEOPLE)[half : half + PEOPLE]

    people = [
        f"{first} {last}" for first, last in zip(mine(FIRST_NAMES), mine(SURNAMES), strict=True)
    ]
    facts = []
    for kind in KINDS:
        answers = mine(kind.answers)
        told, again = _turns(kind.told, random), _turns(kind.retold, random)
        for person, answer in zip(people, answers, strict=True):
            rivals = tuple(random.sample(answers, PEOPLE))
            forms = next(told), next(again), random.choice(kind.asked)
            facts.append(_fact(kind, person, answer, rivals, forms))
    return facts


def _fact(
    kind: Kind,
    person: str,
    answer: str,
    candidates: tuple[str, ...],
    forms: tuple[str, str, tuple[str, str]],
) -> Fact:
    told, again, (question, stub) = forms
    return Fact(
        kind=kind.name,
        person=person,
        answer=answer,
        sentence=told.format(n=person, a=answer),
        restated=again.format(n=person, a=answer),
        verbatim=told.partition("{a}")[0].format(n=person).rstrip(),
        cloze=kind.cloze.format(n=person),
        question=question.format(n=person),
        stub=stub.format(n=person),
        candidates=candidates,
    )


def _turns(forms: Sequence[str], random: Random) -> Iterator[str]:
    """The forms in random order, all of them before any comes again."""
    while True:
        yield from random.sample(forms, len(forms))


def _days(random: Random) -> Iterator[str]:
    """`Monday, 1 October.` and the days that follow, from a random day on."""
    day = date(1900, 1, 1) + timedelta(days=random.randrange(36500))
    while True:
        yield f"{DAYS[day.weekday()]}, {day.day} {YEAR.split()[day.month - 1]}."
        day += timedelta(days=1)


def _fillers(random: Random) -> Iterator[str]:
    """Sentences of everyday life, none of them twice, the forms in turn."""
    pools = {slot: words.split(";") for slot, words in SLOTS.items()}
    said = set()
    for form in _turns(FILLERS, random):
        words = {slot: random.choice(pool) for slot, pool in pools.items()}
        sentence = form.format(**words)
        sentence = sentence[0].upper() + sentence[1:]
        if sentence not in said:
            said.add(sentence)
            yield sentence
