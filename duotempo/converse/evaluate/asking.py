"""How a benchmark's conversation is kept, and how its questions are put to a model."""

import re
from collections.abc import Mapping, Sequence
from random import Random

from duotempo.archive.conversation_records import Line, Turn
from duotempo.archive.export import day
from duotempo.archive.people import Person
from duotempo.converse.conversation import Conversation
from duotempo.converse.evaluate.records import Asked, Told
from duotempo.converse.model import Said, Unreadable
from duotempo.converse.raw import recalled

SHORT = "{text} Answer in a few words, with the words that were used."
CHOICE = "{text} Say which is right: (a) {a} (b) {b}"
DENIAL = "Not mentioned in the conversation"
TODAY = "Today is {when}. "


def kept(person: Person, told: Told) -> dict[int, tuple[str, str]]:
    """Keep all sessions as they were said; turn in the archive -> (turn, session) as published."""
    names: dict[int, tuple[str, str]] = {}
    for sitting in told.sittings:
        number = person.begin(sitting.begun)
        for turn in sitting.turns:
            made = person.say(number, turn.role, turn.text)
            names[made.id] = (turn.ref, sitting.ref)
        person.end(number)
    return names


def shown(talk: Conversation, arm: str, question: Asked) -> list[Line]:
    """What an arm shows beside a question: the memory, what is looked up, or nothing."""
    if arm == "none":
        return []
    if arm == "memory":
        return list(talk.memory)
    began = {session.number: day(session.begun) for session in talk.person.sessions()}

    def dated(turn: Turn) -> str:
        return f"{began[turn.session]}, {turn.role}: {turn.text}"

    turns, size = talk.person.turns(), talk.model.size
    return recalled(turns, question.text, talk.settings.budget, size, dated)


def answer(talk: Conversation, question: Asked, lines: Sequence[Line], seed: int) -> str:
    """What the model says, each question in a session of its own; "" if it cannot be read.

    Where the gold answer may be that there is none, both are offered, in an order by seed, and a
    bare letter is read as what it stands for, as in LoCoMo's published evaluation.
    """
    options: Mapping[str, str] = {}
    asked = SHORT.format(text=question.text)
    if question.rule == "choice":
        pair = [DENIAL, question.answer]
        Random(f"{seed} {question.ref}").shuffle(pair)
        options = dict(zip("ab", pair, strict=True))
        asked = CHOICE.format(text=question.text, **options)
    today = TODAY.format(when=question.when) if question.when else ""
    try:
        said = talk.model.reply(talk.person.name, lines, [Said(1, "user", today + asked)])
    except Unreadable:
        return ""
    letter = re.fullmatch(r"\(?([ab])\)?[.:]?", said.strip().lower())
    return options.get(letter[1], said) if letter else said
