"""Random numbers that are the same on every machine, in any order of asking."""

from hashlib import sha256
from random import Random


def seeded(seed: int, *index: int) -> Random:
    """Random numbers of a seed and an index (or several)."""
    said = ":".join(str(int(part)) for part in (seed, *index))
    return Random(int.from_bytes(sha256(said.encode()).digest(), "big"))
