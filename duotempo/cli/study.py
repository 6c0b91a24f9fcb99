"""`duotempo study`: run a controlled comparison, or recompute the claims that are published."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.console import Console
from rich.table import Table

from duotempo.cli.common import USUAL, Common, Flag
from duotempo.cli.console import say, show_json, show_text, table
from duotempo.core import UserError
from duotempo.core.files import write_text
from duotempo.study import STUDIES, Claim, Size, Study
from duotempo.study.results import Result, save
from duotempo.study.results import verify as differences
from duotempo.study.run import Engine, Settings, run

PUBLISHED = Path("benchmarks/results")


def study(
    name: str | None = None,
    /,
    *,
    size: Size = "full",
    engine: Engine = "local",
    workers: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    fresh: Flag = False,
    common: Common = USUAL,
) -> None:
    """Run a study: every arm and seed, then claims with intervals, and a report page.

    Without a name, lists the studies and what each asks. A study that was stopped goes on where
    it was when the same command is given again. In a checkout the result of a full study is also
    written to benchmarks/results.

        duotempo study

        duotempo study mixture --size smoke

        duotempo study reader --workers 1 --threads 2

    Parameters
    ----------
    name
        The study to run.
    size
        full: what gets published; smoke: the whole path in seconds.
    engine
        local: processes on this machine; ray: a Ray cluster, with the extra `cluster`.
    workers
        Jobs at once; as many as the cores (or the cluster) allow when left out. A job computes
        with one thread unless --threads says more.
    fresh
        Measure everything anew, even what an earlier run has measured.
    """
    if name is None:
        show_studies(common)
        return
    if common.seed:
        raise UserError("the seeds of a study are part of it: leave out --seed")
    chosen = find(name)
    settings = Settings(size, engine, workers, common.threads or 1, fresh, common.quiet)
    folder = settings.folder(chosen)
    try:
        result = run(chosen, settings)
    except KeyboardInterrupt:
        say(f"finished jobs are kept in {folder}: the same command goes on with the rest")
        raise
    show_result(chosen, result, written(chosen, result, settings), common)


def verify(folder: Path = PUBLISHED, /, *, common: Common = USUAL) -> None:
    """Recompute every published claim from its rows, with the study's own code.

    Fails when a file and its study disagree, and says where.

        duotempo study verify

        duotempo study verify benchmarks/results

    Parameters
    ----------
    folder
        Folder of result files.
    """
    found = differences(folder, STUDIES)
    if common.json:
        show_json({"folder": str(folder), "differences": found})
    else:
        show_text("\n".join(found) or f"all claims in {folder} follow from their rows")
    if found:
        raise UserError(
            f"{len(found)} differences in {folder}: run those studies again and commit the results"
        )


def show_studies(common: Common) -> None:
    """What can be asked."""
    questions = {name: make().question for name, make in STUDIES.items()}
    if common.json:
        show_json(questions)
    else:
        show_text(table(questions))


def find(name: str) -> Study:
    """The study of that name."""
    if name not in STUDIES:
        raise UserError(f"study {name!r} is unknown: use one of {', '.join(STUDIES)}")
    return STUDIES[name]()


def written(study: Study, result: Result, settings: Settings) -> dict[str, str]:
    """Write the report page, and in a checkout the result to be published; says where they are."""
    from duotempo.study.report import report  # noqa: PLC0415 - matplotlib is slow to load

    folder = settings.folder(study)
    write_text(folder / "report.html", report(study, result))
    paths = {"report": str(folder / "report.html"), "result": str(folder / "result.json")}
    if settings.size == "full" and PUBLISHED.is_dir():
        published = PUBLISHED / f"{study.name}.json"
        save(published, result)
        paths["published"] = str(published)
    return paths


def show_result(study: Study, result: Result, paths: dict[str, str], common: Common) -> None:
    """The claims, and where the rest is."""
    if common.json:
        claims = [asdict(claim) for claim in result.claims]
        show_json({"study": study.name, "claims": claims, **paths})
        return
    Console(file=sys.stdout).print(claims_table(result.claims))
    show_text(table(paths))


def claims_table(claims: tuple[Claim, ...]) -> Table:
    """The claims as a table for the terminal."""
    shown = Table("claim", box=None, pad_edge=False)
    for column in ("value", "95 % interval", "target"):
        shown.add_column(column, justify="right", no_wrap=True)
    shown.add_column("holds", no_wrap=True)
    for claim in claims:
        spread = "-" if claim.low == claim.high else f"{claim.low:.4g} to {claim.high:.4g}"
        holds = "[green]yes[/]" if claim.holds else "[red]no[/]"
        text = claim.claim.replace("[", r"\[")
        shown.add_row(text, f"{claim.value:.4g}", spread, claim.target, holds)
    return shown
