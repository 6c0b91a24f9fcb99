"""The report of a study: what was asked, what holds, the figures, and how to make it again."""

from collections.abc import Sequence

from duotempo.study.base import Claim, Study
from duotempo.study.figure import number
from duotempo.study.page import Block, Cell, Code, Heading, Prose, Table, page
from duotempo.study.results import Result


def report(study: Study, result: Result) -> str:
    """The report page as HTML, made of nothing but the study's code and the result file."""
    return page(study.question, _blocks(study, result))


def _blocks(study: Study, result: Result) -> list[Block]:
    held = sum(claim.holds for claim in result.claims)
    seeds, arms = {r.seed for r in result.rows}, {r.arm for r in result.rows}
    blocks: list[Block] = [
        Prose(
            f"{held} of {len(result.claims)} claims hold, on {len(result.rows):,} measured numbers "
            f"from {len(arms)} arms and {len(seeds)} seeds."
        ),
        *study.figures(result.rows),
        claims_table(result.claims),
        Heading("What was measured"),
        Table(("metric", "meaning"), list(result.metrics.items())),
    ]
    if result.inputs:
        blocks += [Heading("What was read"), Table(("name", "sha256"), list(result.inputs.items()))]
    return [*blocks, Heading("To make it again"), Code(result.command), _origin(result)]


def claims_table(claims: Sequence[Claim]) -> Table:
    """One line for each claim: its value and interval, its target, and whether it holds."""
    return Table(
        ("claim", "value", "95 % interval", "target", "holds"),
        [
            (
                claim.claim,
                number(claim.value),
                _interval(claim),
                claim.target.replace(">=", "≥").replace("<=", "≤").replace("-", "−"),
                Cell("✓ yes", "good") if claim.holds else Cell("✗ no", "bad"),
            )
            for claim in claims
        ],
        caption="A claim is judged by its value; the interval is a bootstrap over seeds.",
    )


def _interval(claim: Claim) -> str:
    if claim.low == claim.high:
        return "–"
    return f"{number(claim.low)} to {number(claim.high)}"


def _origin(result: Result) -> Table:
    machine = {name.replace("_gib", " (GiB)"): str(value) for name, value in result.machine.items()}
    facts = {
        "commit": result.commit,
        "seconds, all jobs": number(result.seconds),
        "threads a job": str(result.threads),
        **machine,
    }
    return Table(("made with", ""), list(facts.items()))
