"""Write the example page of a flow report, and its figures, from benchmarks/flow/smollm2.json."""

import re
from pathlib import Path

from duotempo.flow import Report, read_report
from duotempo.study.chart import Chart
from duotempo.study.figure import WIDE
from duotempo.study.flow_figures import bars, matrix, trail, waterfall
from duotempo.study.flow_page import flow_page
from duotempo.study.style import DARK, LIGHT

HERE = Path(__file__).parent
REPORT = HERE.parent / "benchmarks" / "flow" / "smollm2.json"


def standalone(chart: Chart, colours: dict[str, str]) -> str:
    """A chart as a file of its own, in one set of colours."""
    height, _ = chart.draw(WIDE)
    drawn = re.sub(r"var\(--([\w-]+)\)", lambda found: colours[found[1]], chart.svg(WIDE))
    size = f'xmlns="http://www.w3.org/2000/svg" width="{WIDE.width}" height="{height:.0f}"'
    halo = f"paint-order:stroke;stroke:{colours['paper']};stroke-width:3px"
    style = (
        f"<style>svg{{background:{colours['paper']};font-family:system-ui,sans-serif}}"
        f"text{{{halo}}}.on,.on text{{stroke:none}}</style>"
    )
    opened = drawn.replace("<svg ", f"<svg {size} ", 1)
    return re.sub(r"(<svg[^>]*>)", rf"\1{style}", opened, count=1) + "\n"


def charts(found: Report) -> dict[str, Chart]:
    """The figures that the docs show, by the name of their file."""
    return {
        "flow-matrix": matrix(found),
        "flow-shares": bars(found),
        "flow-steps": waterfall(found, "far"),
        "flow-words": trail(found, found.trails[0]),
    }


def files() -> dict[Path, str]:
    """Every file that is made, under docs/."""
    found = read_report(REPORT)
    made = {Path("flow") / "smollm2.html": flow_page(found)}
    for name, chart in charts(found).items():
        for ending, colours in (("", LIGHT), ("-dark", DARK)):
            made[Path("figures") / f"{name}{ending}.svg"] = standalone(chart, colours)
    return made


if __name__ == "__main__":
    for name, text in files().items():
        (HERE / name).write_text(text, encoding="utf-8")
