"""The words of invented conversations: what can be known of somebody, and how people say it."""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Part = Literal["portrait", "relation", "recap"]
PARTS: tuple[Part, ...] = ("portrait", "relation", "recap")
SELF = "self"
RELATIVES = ("sister", "brother", "friend", "boss")


@dataclass(frozen=True)
class Attribute:
    """One thing that can be known: `{v}` is its value, `{s}` or `{o}` whose it is, `a|b` one form
    for the user and one for others.

    `note` is how a memory says it, `told` how the user does, `asked` and `before` how it is asked
    for, `said` how it is answered to the user; `others`: known of relatives too.
    """

    part: Part
    note: str
    told: tuple[str, ...]
    asked: tuple[str, ...]
    before: str
    said: str
    values: tuple[str, ...]
    others: bool = False


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


CITIES = _words(
    "oslo paris rome vienna madrid berlin london prague dublin athens lisbon warsaw zurich tokyo"
)
JOBS = _words(
    "nurse baker teacher pilot painter lawyer plumber farmer singer cook judge tailor miner guide"
)
PETS = _words("dog cat parrot rabbit pony turtle hamster goat snake duck fish lizard")
HOBBIES = _words(
    "chess tennis golf poker football hockey darts bridge rugby cricket bowling billiards"
)
DRINKS = _words("tea coffee milk juice water cocoa beer wine soda lemonade")
NICKNAMES = _words("chief captain doc ace boss-man professor sunny champ skipper maestro")
TONES = _words("short long funny polite blunt formal gentle poetic")
TOPICS = _words("politics money sports religion weather work school traffic taxes gossip")
PLANS = _words("party picnic trip wedding concert garden dinner hike exhibition surprise")
NAMES = _words(
    "ana ben carla dan eva finn gina hans iris jan kira leo mia nils olga paul rita sam tina udo "
    "vera will xenia yann zoe amir bella cora dora emil"
)


CONDITIONS = MORNING, EVENING, RAIN, SUN = (
    "in the morning", "in the evening", "when it rains", "when the sun shines",
)  # fmt: skip
"""Under which some of what is known holds."""


def _when(condition: str, verbs: tuple[str, str], values: tuple[str, ...]) -> Attribute:
    """What holds under a condition only: the condition is a part of what is known."""
    mine, theirs = verbs
    return Attribute(
        "portrait",
        f"{condition} {{s}} {theirs} {{v}}",
        (f"{condition} i {mine} {{v}}", f"i {mine} {{v}} {condition}"),
        (f"what do i {mine} {condition} ?", f"{condition} , what do i {mine} ?"),
        f"what did i {mine} {condition} before ?",
        f"{condition} you {mine} {{v}}",
        values,
    )


ATTRIBUTES: MappingProxyType[str, Attribute] = MappingProxyType(
    {
        "city": Attribute(
            "portrait",
            "{s} lives in {v}",
            ("{s} live|lives in {v}", "{s} moved to {v}", "{v} is home for {o} now"),
            ("where do|does {s} live ?", "which city is home for {o} ?"),
            "where did {s} live before ?",
            "{s} live|lives in {v}",
            CITIES,
            others=True,
        ),
        "job": Attribute(
            "portrait",
            "{s} works as a {v}",
            ("{s} work|works as a {v}", "{s} became a {v}", "{s} earn|earns a living as a {v}"),
            ("what do|does {s} work as ?", "what job do|does {s} have ?"),
            "what did {s} work as before ?",
            "{s} work|works as a {v}",
            JOBS,
            others=True,
        ),
        "pet": Attribute(
            "portrait",
            "{s} has a {v}",
            ("{s} have|has a {v}", "{s} got a {v}", "there is a {v} at home with {o}"),
            ("which animal do|does {s} have ?", "what pet is at home with {o} ?"),
            "which animal did {s} have before ?",
            "{s} have|has a {v}",
            PETS,
            others=True,
        ),
        "hobby": Attribute(
            "portrait",
            "{s} plays {v}",
            ("{s} play|plays {v}", "{s} took up {v}", "{v} is a hobby for {o}"),
            ("what do|does {s} play ?", "what is a hobby for {o} ?"),
            "what did {s} play before ?",
            "{s} play|plays {v}",
            HOBBIES,
            others=True,
        ),
        "morning": _when(MORNING, ("drink", "drinks"), DRINKS),
        "evening": _when(EVENING, ("drink", "drinks"), DRINKS),
        "rain": _when(RAIN, ("choose", "chooses"), HOBBIES),
        "sun": _when(SUN, ("choose", "chooses"), HOBBIES),
        "name": Attribute(
            "relation",
            "{s} wants to be called {v}",
            ("please call me {v}", "from now on i am {v} to you"),
            ("what should you call me ?", "how do i want to be called ?"),
            "what did you call me before ?",
            "you want to be called {v}",
            NICKNAMES,
        ),
        "tone": Attribute(
            "relation",
            "{s} wants answers to be {v}",
            ("please give me {v} answers", "i like your answers {v}"),
            ("which answers do i want ?", "how should you answer me ?"),
            "which answers did i want before ?",
            "you want {v} answers",
            TONES,
        ),
        "taboo": Attribute(
            "relation",
            "{s} avoids talk of {v}",
            ("let us never talk of {v}", "i do not want to hear of {v}"),
            ("what should we not talk of ?", "which topic do i avoid ?"),
            "which topic did i avoid before ?",
            "you avoid talk of {v}",
            TOPICS,
        ),
        "plan": Attribute(
            "recap",
            "{s} and bot planned a {v}",
            ("let us plan a {v} together", "help me to plan a {v}"),
            ("what did we plan ?", "what was our plan ?"),
            "what did we plan before that ?",
            "we planned a {v}",
            PLANS,
        ),
        "read": Attribute(
            "recap",
            "{s} and bot read about a {v}",
            ("let us read about a {v}", "can we read about a {v} ?"),
            ("what did we read about ?", "about what did we read ?"),
            "what did we read about before that ?",
            "we read about a {v}",
            PETS,
        ),
    }
)

ASIDES = (
    "how are you ?", "it is late .", "my neighbour loves {c} .", "someone on the bus was a {j} .",
    "i saw a {p} in the street .", "tell me something nice .", "would you like {d} ?",
    "a film about {c} was on .", "i dreamed of a {p} .", "people say {h} is hard .",
    "what a day .", "i would never live in {c} .", "thank you .", "the {j} next door is loud .",
)  # fmt: skip
"""What a user says that is nothing to remember, often with words that look as if."""
ASIDE_VALUES = MappingProxyType({"c": CITIES, "j": JOBS, "p": PETS, "d": DRINKS, "h": HOBBIES})
NODS = ("i see .", "nice .", "tell me more .", "all right .", "good to know .", "of course .")
UNKNOWN = "you did not tell me"
BEFORE = "before that it was {v}"

MOST_REFS, MOST_DATES = 256, 100
FORM = _words("remember compress reply : ; | => end bot user 's before portrait relation recap")


def every_word() -> tuple[str, ...]:
    """All words of the world, the end first; numbers of notes and of sessions are words too."""
    forms = [form for a in ATTRIBUTES.values() for form in (a.note, a.before, a.said)]
    forms += [form for a in ATTRIBUTES.values() for form in (*a.told, *a.asked)]
    plain = [*FORM, *NAMES, *RELATIVES, "i", "me", "my", "you", "your", UNKNOWN, BEFORE]
    said = [*forms, *plain, *ASIDES, *NODS, *(v for a in ATTRIBUTES.values() for v in a.values)]
    found = {w: None for text in said for w in text.replace("|", " ").split() if "{" not in w}
    found |= dict.fromkeys(v for values in ASIDE_VALUES.values() for v in values)
    numbers = [*(f"[{n}]" for n in range(MOST_REFS)), *(f"@{n}" for n in range(MOST_DATES))]
    return ("end", *(word for word in [*found, "|", *numbers] if word != "end"))
