"""Loads a benchmark's file, which the user supplies, by what it looks like."""

from collections.abc import Sequence
from pathlib import Path

from duotempo.converse.evaluate import locomo, longmemeval
from duotempo.converse.evaluate.fields import Place, read_json
from duotempo.converse.evaluate.records import Told
from duotempo.core import UserError


def load(path: Path) -> Sequence[Told]:
    """The conversations of `locomo10.json` or of a file of LongMemEval, as they were published.

    Raises `UserError` naming the field, or the line, that is not as published.
    """
    root = Place(path.name, "the file", read_json(path))
    items = [Place(path.name, f"[{n}]", each) for n, each in enumerate(root.kind(list))]
    if not items:
        raise UserError(f"{path.name} holds no conversation: give the file as it was published")
    if items[0].has("conversation"):
        return [locomo.told(item) for item in items]
    if items[0].has("haystack_sessions"):
        return [longmemeval.told(item) for item in items]
    raise UserError(
        f"{path.name}: [0] has neither 'conversation' (LoCoMo) nor 'haystack_sessions' "
        "(LongMemEval): give one of these files"
    )
