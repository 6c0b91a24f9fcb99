"""Words that made probes are of: invented names, relations, known facts, and mere sentences."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Relation:
    """What can be said of a subject: ways to begin the sentence, and the answers it may end in. No
    two answers begin with the same letter, so that models of bytes tell them apart at once."""

    name: str
    wordings: tuple[str, ...]
    answers: tuple[str, ...]


NAMES = (
    "Velkor", "Tamsin", "Orrick", "Bexley", "Fenwyn", "Garrow", "Hestel", "Ilmar", "Jorvan",
    "Keldra", "Lomax", "Mirelle", "Nolwen", "Oskarin", "Pelham", "Quillan", "Rosmer", "Sorley",
    "Thessaly", "Ulric", "Vanora", "Wendel", "Yorrick", "Zelmira", "Ansgar", "Brunel", "Cadmar",
    "Dorvin", "Elspar", "Faldo", "Gwinnet", "Halbert", "Isomer", "Jessamy", "Kolbein", "Lysander",
)  # fmt: skip
RELATIONS = (
    Relation(
        "colour",
        ("The favourite colour of {} is", "The colour that {} likes best is"),
        ("red", "blue", "green", "yellow", "white", "orange", "purple", "silver"),
    ),
    Relation(
        "animal",
        ("The animal that {} keeps is a", "At home {} has a"),
        ("dog", "cat", "horse", "rabbit", "goat", "snake", "parrot", "turtle"),
    ),
    Relation(
        "city",
        ("The city where {} lives is", "The home of {} is in the city of"),
        ("London", "Paris", "Rome", "Berlin", "Madrid", "Vienna", "Tokyo", "Naples"),
    ),
    Relation(
        "work",
        ("By profession {} is a", "For a living {} works as a"),
        ("doctor", "teacher", "baker", "lawyer", "painter", "farmer", "soldier", "writer"),
    ),
    Relation(
        "instrument",
        ("The instrument that {} plays is the", "On Sundays {} plays the"),
        ("piano", "violin", "guitar", "flute", "trumpet", "drums", "harp", "cello"),
    ),
)
_CAPITAL = Relation(
    "capital",
    ("The capital of {} is", "The capital city of {} is called"),
    ("Paris", "Rome", "Berlin", "Madrid", "Tokyo", "London", "Oslo", "Vienna", "Athens", "Cairo"),
)
_TONGUE = Relation(
    "language",
    ("The main language spoken in {} is", "Most people in {} speak"),
    ("French", "Italian", "German", "Spanish", "Japanese", "English", "Arabic", "Portuguese"),
)
_PLACES = (
    ("France", "Paris", "French"),
    ("Italy", "Rome", "Italian"),
    ("Germany", "Berlin", "German"),
    ("Spain", "Madrid", "Spanish"),
    ("Japan", "Tokyo", "Japanese"),
    ("England", "London", "English"),
    ("Egypt", "Cairo", "Arabic"),
    ("Austria", "Vienna", "German"),
)
KNOWN = (
    *((_CAPITAL, country, capital) for country, capital, _ in _PLACES),
    *((_TONGUE, country, language) for country, _, language in _PLACES),
)
"""(relation, subject, answer) that a model of plain English may know."""
FILLERS = (
    "The road went on along the river for a while.",
    "Nobody remembered who had built the old bridge.",
    "It rained in the morning and cleared up later.",
    "There was bread on the table and a jug of water.",
    "The letters arrived late, as they often did.",
    "Some of the windows had been left open overnight.",
    "A clock struck somewhere in the next house.",
    "They walked slowly because the path was steep.",
    "The market closed early on that day of the week.",
    "Smoke rose from a chimney behind the trees.",
    "Two chairs stood empty beside the fire.",
    "The gate had been mended in the spring.",
)
