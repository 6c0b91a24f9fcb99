"""Write docs/results.md, report pages and figures from benchmarks/results; a test compares."""

import re
from pathlib import Path

from duotempo.study import STUDIES, Study
from duotempo.study.base import Claim
from duotempo.study.figure import WIDE, number, svg
from duotempo.study.report import report
from duotempo.study.results import Result, load
from duotempo.study.style import DARK, LIGHT

HERE = Path(__file__).parent
RESULTS = HERE.parent / "benchmarks" / "results"
HEAD = """<!-- made by docs/make_results.py: run the study, then it -->

# Results

Every number that these pages claim. Each study's rows lie in `benchmarks/results/NAME.json`, with
the command that makes them; `duotempo study verify` recomputes all claims from the rows. A claim
is judged by its value; the interval is a bootstrap over documents or seeds. Targets that were
missed stay here.
"""


def line(claim: Claim) -> str:
    """One claim as a row of a table."""
    exact = claim.low == claim.high
    spread = "–" if exact else f"{number(claim.low)} to {number(claim.high)}"
    holds = "yes" if claim.holds else "**no**"
    cells = (claim.claim, number(claim.value), spread, f"`{claim.target}`", holds)
    return "| " + " | ".join(cells) + " |"


def section(study: Study, result: Result) -> str:
    """One study: what was asked, how, and what came out."""
    machine = result.machine
    where = f"{machine.get('cpu')}, {machine.get('cores')} cores, {result.threads} thread(s) a job"
    held = sum(claim.holds for claim in result.claims)
    lines = [
        f"\n## {study.name}\n",
        f"{study.question} {held} of {len(result.claims)} claims hold.\n",
        f"`{result.command}` · {where} · [report with figures](results/{study.name}.html)\n",
        "| claim | value | 95 % interval | target | holds |",
        "|---|---:|---:|---|---|",
        *map(line, result.claims),
    ]
    return "\n".join(lines) + "\n"


def results() -> list[tuple[Study, Result]]:
    """Every published result with its study, in the order of the table of studies."""
    paths = {name: RESULTS / f"{name}.json" for name in STUDIES}
    return [(STUDIES[name](), load(path)) for name, path in paths.items() if path.exists()]


def page() -> str:
    """The page of all claims."""
    return HEAD + "".join(section(*each) for each in results())


def standalone(drawing: str, colours: dict[str, str]) -> str:
    """An inline drawing as a file of its own, in one set of colours."""
    values = colours | {"sans": "system-ui, sans-serif"}
    filled = re.sub(r"var\(--([\w-]+)\)", lambda found: values[found[1]], drawing)
    opened = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDE.width}" height="{WIDE.height}" '
    style = f"<style>svg{{background:{colours['paper']}}}</style>"
    filled = filled.replace("<svg ", opened, 1)
    return re.sub(r"(<svg[^>]*>)", rf"\1{style}", filled, count=1) + "\n"


def write() -> None:
    """Everything, into docs/."""
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "figures").mkdir(exist_ok=True)
    (HERE / "results.md").write_text(page(), encoding="utf-8")
    for study, result in results():
        html = report(study, result)
        (HERE / "results" / f"{study.name}.html").write_text(html, encoding="utf-8")
        for i, figure in enumerate(study.figures(result.rows), start=1):
            drawing = svg(figure, f"{study.name}-{i}", WIDE)
            for ending, colours in (("", LIGHT), ("-dark", DARK)):
                path = HERE / "figures" / f"{study.name}-{i}{ending}.svg"
                path.write_text(standalone(drawing, colours), encoding="utf-8")


if __name__ == "__main__":
    write()
