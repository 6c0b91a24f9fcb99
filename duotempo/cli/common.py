"""Options that every command takes, flattened into each of them."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter
from cyclopts.validators import Number


def no_option(type_: object, value: str) -> None:
    """Refuse a mistyped option where a FILE was expected; a lone `-` is standard input."""
    if value.startswith("-") and value != "-":
        raise ValueError(f"{value} is no option of this command; a file of that name is ./{value}")


Flag = Annotated[bool, Parameter(negative="", show_default=False)]
File = Annotated[str, Parameter(allow_leading_hyphen=True, validator=no_option)]


@Parameter(name="*", group=Group("Every command", sort_key=9))
@dataclass(frozen=True, kw_only=True)
class Common:
    """How to run, whatever is run."""

    threads: Annotated[int | None, Parameter(validator=Number(gte=1))] = None
    """Threads to compute with; all cores when left out."""
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = 0
    """Seed of everything random: same seed, same result."""
    json: Flag = False
    """Print one JSON object instead of text."""
    quiet: Flag = False
    """Show no progress."""
    debug: Flag = False
    """Show the traceback of an error."""


USUAL = Common()
