"""Options that every command takes, flattened into each of them."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter
from cyclopts.validators import Number

Flag = Annotated[bool, Parameter(negative="", show_default=False)]


@Parameter(name="*", group=Group("Every command", sort_key=9))
@dataclass(frozen=True, kw_only=True)
class Common:
    """How to run, whatever is run."""

    threads: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    """Threads to compute with; all cores when left out."""
    seed: int = 0
    """Seed of everything random: same seed, same result."""
    json: Flag = False
    """Print one JSON object instead of text."""
    quiet: Flag = False
    """Show no progress."""
    debug: Flag = False
    """Show the traceback of an error."""


USUAL = Common()
