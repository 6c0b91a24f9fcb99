"""The words of the rulebook: operations on four digits, and three names for each of them."""

from types import MappingProxyType

DIGITS, LENGTH, SLOTS = 10, 4, 3

MOVES = MappingProxyType(
    {
        "reverse": (3, 2, 1, 0),
        "left": (1, 2, 3, 0),
        "right": (3, 0, 1, 2),
        "swap": (1, 0, 3, 2),
        "ends": (3, 1, 2, 0),
        "half": (2, 3, 0, 1),
        "inner": (0, 2, 1, 3),
        "odd": (2, 1, 0, 3),
    }
)
"""Which place each place takes its digit from."""

CHANGES = MappingProxyType(
    {
        "inc": tuple((d + 1) % 10 for d in range(10)),
        "jump": tuple((d + 3) % 10 for d in range(10)),
        "dec": tuple((d - 2) % 10 for d in range(10)),
        "negate": tuple(9 - d for d in range(10)),
        "double": tuple(2 * d % 10 for d in range(10)),
        "triple": tuple(3 * d % 10 for d in range(10)),
        "floor": tuple(d // 2 for d in range(10)),
        "pair": tuple(d ^ 1 if d < 8 else 17 - d for d in range(10)),
    }
)
"""What each digit becomes."""

OPERATIONS = (*MOVES, *CHANGES)

NAMES: dict[str, tuple[str, str, str]] = {
    "reverse": ("reverse", "backwards", "mirror"),
    "left": ("left", "rotate", "shift"),
    "right": ("right", "unrotate", "unshift"),
    "swap": ("swap", "neighbours", "twins"),
    "ends": ("ends", "outside", "borders"),
    "half": ("half", "middle", "cut"),
    "inner": ("inner", "inside", "core"),
    "odd": ("odd", "skip", "hop"),
    "inc": ("inc", "plus", "next"),
    "jump": ("jump", "add", "more"),
    "dec": ("dec", "minus", "less"),
    "negate": ("negate", "complement", "nines"),
    "double": ("double", "twice", "both"),
    "triple": ("triple", "thrice", "treble"),
    "floor": ("floor", "shrink", "crush"),
    "pair": ("pair", "toggle", "flip"),
}
"""Three words mean each operation, so that no word is the rule itself."""

MEANING = MappingProxyType({word: op for op, words in NAMES.items() for word in words})
"""Word -> operation."""

NOTHING, SOLVE, END, NAME_IT = "-", "solve", "|", "which"
TAGS = ("alpha", "beta", "gamma", "delta")
"""Words that no base is shown: a task may be told by one of them."""
WORDS = (*map(str, range(DIGITS)), NOTHING, SOLVE, END, NAME_IT, *MEANING, *TAGS)
"""Every word there is; its place is its token."""
TOKEN = MappingProxyType({word: i for i, word in enumerate(WORDS)})
