"""What studies of conversations share: sessions as they were said, and what a memory must say."""

from collections.abc import Sequence
from functools import cache

from duotempo.archive.people import Person
from duotempo.tasks.sessions import Life, Question, told
from duotempo.tasks.sessions_forms import Line
from duotempo.tasks.sessions_words import ATTRIBUTES, UNKNOWN

Place = tuple[int, int]
"""The session and the turn of a fact."""


def keep(person: Person, turns: Sequence[str]) -> None:
    """A session as it was said."""
    number = person.begin()
    for place, text in enumerate(turns, 1):
        person.say(number, ("assistant", "user")[place % 2], text)
    person.end(number)


def truths(life: Life, until: int) -> dict[str, frozenset[Place]]:
    """Every sentence that a memory should hold after so many sessions, word for word -> the turns
    that it rests on, no more and no fewer."""
    found = {}
    for slot, known in told(f for s in life.sessions[:until] for f in s.facts).items():
        facts = [known.now, *([known.before] if known.before else [])]
        places = frozenset((fact.session, fact.turn) for fact in facts)
        found[Line(slot, known).text(life.name)] = places
    return found


def contradicts(said: str, question: Question) -> bool:
    """Whether a reply says something else than is known: any other value of the world, or that
    nothing was told where it was. To say nothing of use does not contradict."""
    values = {word for word in said.split() if word in every_value()} - set(question.text.split())
    if question.answer == UNKNOWN:
        return bool(values)
    return UNKNOWN in said or bool(values - {question.answer})


@cache
def every_value() -> frozenset[str]:
    """All values that anything can have."""
    return frozenset(value for each in ATTRIBUTES.values() for value in each.values)
