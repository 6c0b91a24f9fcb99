"""The policy of sleep in a native model: when, how many passes, over which blocks."""

import textwrap
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from duotempo.core import UserError
from duotempo.models.shape import Shape

CARRIES = ("hidden", "inject", "input")
EVICTIONS = ("hard", "sliding")
FAST = ("lmm", "mag", "mac", "mal")
"""The kinds of block that hold a fast-weight layer."""
MOST = 1000
"""Passes over a window: more is a slip or a stranger's file."""


@dataclass(frozen=True)
class Policy:
    """Sleep after every `window` tokens: `passes` passes over them in all, the reading included.

    One pass is no sleep: the plain model. `looped` are the first block that is looped and the one
    after the last (None: all). A pass begins from what the pass before left (`carry` "hidden", the
    paper), from its norm plus what entered the loop ("inject"), or from what entered the loop again
    ("input": with one block the rule alone is repeated, on keys and values that stay as they are).
    With `both_ways` attention looks ahead in all passes but the first: the window is known by then.
    After the last pass "hard" eviction drops all but the fast weights; "sliding" keeps what
    attention and convolutions hold of the reading.

    For training: with `sampled` each batch draws its passes from 1 to `passes`; with `checkpoint`
    a pass's activations are computed again backwards; gradients flow through the last `truncate`
    passes of a window only (None: all), and where earlier ones are cut off, so are earlier windows.
    Raises `UserError` for values that mean nothing.
    Source: arXiv 2605.26099, section 3; docs/decisions.md says what we read between its lines.
    """

    window: int = 64
    passes: int = 4
    eviction: str = "hard"
    looped: tuple[int, int] | None = None
    carry: str = "hidden"
    both_ways: bool = False
    sampled: bool = False
    checkpoint: bool = False
    truncate: int | None = None

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UserError(f"window={self.window}: sleep after at least 1 token")
        check_passes(self.passes)
        for name, known in (("carry", CARRIES), ("eviction", EVICTIONS)):
            if getattr(self, name) not in known:
                raise UserError(f"{name}={getattr(self, name)!r}: one of {', '.join(known)}")
        if self.truncate is not None and self.truncate < 1:
            raise UserError(
                f"truncate={self.truncate}: let gradients through at least 1 pass, or None for all"
            )

    def range(self, blocks: int) -> range:
        """The numbers of the blocks that are looped."""
        return range(*(self.looped or (0, blocks)))

    def check(self, shape: Shape) -> None:
        """Raise `UserError` unless a model of this shape can sleep so."""
        layout = shape.layout
        first, end = self.looped or (0, len(layout))
        if not 0 <= first < end <= len(layout):
            raise UserError(
                f"looped={self.looped}: the model has the blocks 0 to {len(layout) - 1}, so give a "
                f"first one and the one after the last, as in (0, {len(layout)})"
            )
        if not any(kind in FAST for kind in layout[first:end]):
            raise UserError(
                f"the blocks {', '.join(layout[first:end])} hold no fast weights, and passes would "
                f"be lost: loop over a block among {', '.join(FAST)}"
            )
        if self.eviction == "sliding" and shape.window is None:
            raise UserError(
                "attention without a window evicts nothing: give the model a window, or "
                'eviction="hard"'
            )
        if self.both_ways and "mac" in layout:
            raise UserError("mac attends segment by segment and cannot look ahead: both_ways=False")
        if "mac" in layout and self.window % shape.segment:
            raise UserError(
                f"window={self.window} cuts a segment of {shape.segment} tokens in two: make it a "
                "multiple of that"
            )

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {**asdict(self), "looped": list(self.looped) if self.looped else None}

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> "Policy":
        """The policy of plain values; raises `UserError` for what is none."""
        known = {f.name: f.default for f in fields(Policy)}
        if not isinstance(values, Mapping) or not all(
            name in known and _fits(name, value, known[name]) for name, value in values.items()
        ):
            said = textwrap.shorten(repr(values), 200, placeholder=" ...")
            raise UserError(f"this is no policy of sleep ({said}): give one that Policy wrote")
        looped = values.get("looped")
        plain: dict[str, Any] = {**values, "looped": tuple(looped) if looped else None}
        return Policy(**plain)


def _fits(name: str, value: object, usual: object) -> bool:
    """Whether a plain value is of the kind that a field takes."""
    if name == "looped":
        pair = isinstance(value, list | tuple) and len(value) == 2
        return value is None or (pair and all(type(part) is int for part in value))
    if name == "truncate":
        return value is None or type(value) is int
    return type(value) is type(usual)


def check_passes(passes: int) -> None:
    """Raise `UserError` for a number of passes that is none, or that would not end."""
    if not 1 <= passes <= MOST:
        raise UserError(
            f"passes={passes}: give 1, which is reading alone, to {MOST}; sleep begins with 2"
        )
