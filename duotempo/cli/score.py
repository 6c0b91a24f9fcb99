"""`duotempo score`: how well the model foretells a text, with and without what it has read."""

from pathlib import Path

from duotempo.cli.common import USUAL, Common, File
from duotempo.cli.console import show_json, show_text, table, telling
from duotempo.cli.living import load_attached
from duotempo.tasks.text import load


def score(state: Path, file: File, /, *, common: Common = USUAL) -> None:
    """Score a text in bits a token: without memory, with the state alone, and with both mixed.

    Lower is better. The text is taken as what comes next after what was read.

        duotempo score diary.state next.txt

        echo "The next morning it rained." | duotempo score diary.state - --json

    Parameters
    ----------
    state
        Folder of a saved state.
    file
        The text to score; `-` reads standard input.
    """
    text = load(file).text
    with telling(common.quiet) as tell:
        result = load_attached(state, common, tell).score(text)
    bits = {"none": result.none, "alone": result.alone, "mixed": result.mixed}
    if common.json:
        show_json({"tokens": result.tokens, "bits": bits})
        return
    words = {"none": "no memory", "alone": "state alone", "mixed": "mixture"}
    lines = {words[name]: f"{value:.3f} bits/token" for name, value in bits.items()}
    show_text(table({"scored": f"{result.tokens:,} tokens"} | lines))
