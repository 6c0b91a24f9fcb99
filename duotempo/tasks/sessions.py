"""Invented people who talk with a bot, session after session: facts that change, and answers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Literal

from duotempo.core import UserError
from duotempo.tasks.seeds import seeded
from duotempo.tasks.sessions_words import (
    ASIDE_VALUES,
    ASIDES,
    ATTRIBUTES,
    BEFORE,
    MOST_DATES,
    NAMES,
    NODS,
    RELATIVES,
    SELF,
    UNKNOWN,
    Part,
)

Kind = Literal["now", "before", "unknown"]
CHANGED, NEW = 0.4, 0.5
"""Chance that a fact told again has changed, and that a session tells one never told before."""


@dataclass(frozen=True, order=True)
class Slot:
    """What can be known of whom."""

    subject: str
    attribute: str

    @property
    def part(self) -> Part:
        """The part of a memory that it belongs to."""
        return ATTRIBUTES[self.attribute].part

    def note(self, name: str, value: str) -> str:
        """As a memory says it: with the subject's name, whatever the condition."""
        whose = name if self.subject == SELF else f"{name} 's {self.subject}"
        return ATTRIBUTES[self.attribute].note.format(s=whose, v=value)

    def ways(self, value: str) -> list[str]:
        """All ways in which the user tells it."""
        forms = ATTRIBUTES[self.attribute].told
        return [self._user(form, value).removesuffix(" ?") + " ." for form in forms]

    def questions(self) -> list[str]:
        """All ways in which the user asks for it."""
        return [self._user(form, "") for form in ATTRIBUTES[self.attribute].asked]

    def before(self) -> str:
        """As the user asks for what it was before."""
        return self._user(ATTRIBUTES[self.attribute].before, "")

    def said(self, value: str) -> str:
        """As it is answered to the user."""
        whose = "you" if self.subject == SELF else f"your {self.subject}"
        return self._formed(ATTRIBUTES[self.attribute].said, whose, whose, value)

    def _user(self, form: str, value: str) -> str:
        whose = ("i", "me") if self.subject == SELF else (f"my {self.subject}",) * 2
        return self._formed(form, *whose, value)

    def _formed(self, form: str, subject: str, thing: str, value: str) -> str:
        words = [word.split("|") for word in form.split()]
        picked = " ".join(word[0 if self.subject == SELF else -1] for word in words)
        return picked.format(s=subject, o=thing, v=value)


SLOTS = tuple(
    Slot(subject, name)
    for name, attribute in ATTRIBUTES.items()
    for subject in (SELF, *(RELATIVES if attribute.others else ()))
)


@dataclass(frozen=True)
class Fact:
    """A value told in a turn of a session (both from 1)."""

    session: int
    turn: int
    slot: Slot
    value: str


@dataclass(frozen=True)
class Session:
    """What was said, the user in odd turns, and what of it is worth remembering."""

    number: int
    turns: tuple[str, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True)
class Known:
    """What is true of a slot: its value and the fact that last said so; the value before, if it
    was another, and the last fact of that."""

    now: Fact
    before: Fact | None = None

    def after(self, fact: Fact) -> "Known":
        """With one more fact."""
        return Known(fact, self.before if fact.value == self.now.value else self.now)


@dataclass(frozen=True)
class Question:
    """Asked of a bot that should remember; `answer` is the word that must be said."""

    text: str
    kind: Kind
    slot: Slot
    reply: str
    answer: str


@dataclass(frozen=True)
class Life:
    """A person and all their sessions; the same seed gives the same words.

    `slots` things are told of in the course of `length` sessions, one to three a session, among
    asides that look like facts. Raises `UserError` for numbers that do not fit.
    """

    seed: int
    length: int = 64
    slots: int = 10

    def __post_init__(self) -> None:
        if not 1 <= self.length < MOST_DATES or not 1 <= self.slots <= len(SLOTS):
            raise UserError(
                f"length={self.length}, slots={self.slots}: 1 to {MOST_DATES - 1} sessions, 1 to "
                f"{len(SLOTS)} things"
            )

    @cached_property
    def name(self) -> str:
        """Who it is."""
        return seeded(self.seed, 0).choice(NAMES)

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        """All sessions, the first is number 1."""
        random = seeded(self.seed, 1)
        hidden = random.sample(SLOTS, self.slots)
        values: dict[Slot, str] = {}
        return tuple(_session(n, random, hidden, values) for n in range(1, self.length + 1))

    def known(self, until: int) -> dict[Slot, Known]:
        """What is true after so many sessions, in the order of first telling."""
        return told(fact for session in self.sessions[:until] for fact in session.facts)

    def questions(self, until: int) -> list[Question]:
        """Every slot's value now, each value before, and as many never told as a third of them."""
        random, known = seeded(self.seed, 2, until), self.known(until)
        found = [asked(random, slot, each, "now") for slot, each in known.items()]
        found += [asked(random, s, each, "before") for s, each in known.items() if each.before]
        strange = [slot for slot in SLOTS if slot not in known]
        many = min(len(strange), max(1, len(known) // 3))
        return found + [asked(random, s, None, "unknown") for s in random.sample(strange, many)]


def told(facts: Iterator[Fact] | Sequence[Fact]) -> dict[Slot, Known]:
    """What facts make true, one after the other."""
    known: dict[Slot, Known] = {}
    for fact in facts:
        known[fact.slot] = known[fact.slot].after(fact) if fact.slot in known else Known(fact)
    return known


def asked(random: Random, slot: Slot, known: Known | None, kind: Kind) -> Question:
    """A question with its only right answer."""
    text = slot.before() if kind == "before" else random.choice(slot.questions())
    if known is None or (kind == "before" and known.before is None):
        return Question(text, kind, slot, UNKNOWN, UNKNOWN)
    if kind == "before" and known.before is not None:
        value = known.before.value
        return Question(text, kind, slot, BEFORE.format(v=value), value)
    return Question(text, kind, slot, slot.said(known.now.value), known.now.value)


def _session(
    number: int, random: Random, hidden: Sequence[Slot], values: dict[Slot, str]
) -> Session:
    """One session; what it tells goes into `values`."""
    facts = _news(random, hidden, values)
    said: list[tuple[Slot, str] | None] = [*facts.items(), *[None] * random.randint(1, 4)]
    random.shuffle(said)
    turns: list[str] = []
    found: list[Fact] = []
    for each in said:
        if each is None:
            turns.append(_aside(random))
        else:
            slot, value = each
            turns.append(random.choice(slot.ways(value)))
            found.append(Fact(number, len(turns), slot, value))
        turns.append(random.choice(NODS))
    return Session(number, tuple(turns), tuple(found))


def _news(random: Random, hidden: Sequence[Slot], values: dict[Slot, str]) -> Mapping[Slot, str]:
    """What one session tells: values of up to three slots."""
    facts: dict[Slot, str] = {}
    for _ in range(random.randint(1, 3)):
        strange = [slot for slot in hidden if slot not in values]
        if strange and (not values or random.random() < NEW):
            slot = strange[0]
        else:
            slot = random.choice(list(values))
        if slot in facts:
            continue
        every = ATTRIBUTES[slot.attribute].values
        value = values.get(slot) or random.choice(every)
        if slot in values and random.random() < CHANGED:
            value = random.choice([v for v in every if v != value])
        facts[slot] = values[slot] = value
    return facts


def _aside(random: Random) -> str:
    """Something that is nothing to remember."""
    return random.choice(ASIDES).format(
        **{key: random.choice(values) for key, values in ASIDE_VALUES.items()}
    )
