"""`duotempo demo`: the main job on a real model and real text, with one table and one page."""

from pathlib import Path
from typing import Literal

from duotempo.cli.common import USUAL, Common
from duotempo.cli.console import show_columns, show_json, show_text, table, telling


def demo(
    *,
    size: Literal["full", "smoke"] = "full",
    out: Path = Path("runs/demo"),
    common: Common = USUAL,
) -> None:
    """Read a diary and a stretch of prose past the window, sleep under the guard, show the gain.

    Then a tiny memory, trained on the spot, answers the same question after more and more passes
    of sleep, and a model that comes with the package reads two million bytes and is asked for a
    passkey from the first page. Compares no memory, the state alone, the mixture and full context,
    and writes a page with the tables, the figures over the passes of sleep, continuations and
    answered questions.

        duotempo demo

        duotempo demo --size smoke --out runs/smoke

    Parameters
    ----------
    size
        full: minutes; smoke: the whole path in seconds.
    out
        Folder for the page and the numbers.
    """
    from duotempo.study.demo import run  # noqa: PLC0415 - imports torch

    with telling(common.quiet) as tell:
        facts = run(size, out, common.seed, common.threads, tell)
    if common.json:
        show_json(facts)
        return
    for kind, lines in facts["table"].items():
        show_columns((kind, "no memory", "state alone", "mixture", "full context"), lines)
    columns, *lines = facts["sleep_table"]
    show_columns(columns, lines)
    show_columns(("a long text in flat memory", ""), facts["stream_table"])
    show_text(table({"took": f"{facts['seconds']:.0f} seconds", "report": facts["report"]}))
