"""`duotempo generate`: go on in the vein of what was read."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from duotempo.cli.common import USUAL, Common
from duotempo.cli.console import show_json, show_text, telling
from duotempo.cli.living import load_reader


def generate(
    state: Path,
    prompt: str = "",
    /,
    *,
    tokens: Annotated[int, Parameter(validator=Number(gte=1))] = 64,
    common: Common = USUAL,
) -> None:
    """Go on from where the reading stopped, with the untouched model and the state mixed.

    The mixture weighs the two voices by how well each foretold what came before, so the state
    cannot spoil the text. A native model has one voice and goes on from a copy of its state.

        duotempo generate diary.state "The next morning" --tokens 40

    Parameters
    ----------
    state
        Folder of a saved state.
    prompt
        Text to go on from, put after what was read.
    tokens
        How many tokens to write; a native model's are bytes.
    """
    with telling(common.quiet) as tell:
        text = load_reader(state, common, tell).generate(prompt, tokens=tokens)
    if common.json:
        show_json({"prompt": prompt, "text": text})
    else:
        show_text(prompt + text)
