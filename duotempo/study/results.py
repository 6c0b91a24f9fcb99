"""The result file of a study: one shape for all, one row a line, every claim recomputable."""

import dataclasses
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duotempo.core import UserError
from duotempo.core.files import write_text
from duotempo.study.base import Claim, Row, Study

SAME = 1e-9
"""Relative difference below which two numbers are the same: libraries round sums differently."""


@dataclass(frozen=True)
class Result:
    """All that is published of a run. `seconds` is the time of all jobs, added up."""

    study: str
    command: str
    commit: str
    machine: Mapping[str, str | int | float]
    seconds: float
    threads: int
    inputs: Mapping[str, str]
    metrics: Mapping[str, str]
    rows: tuple[Row, ...]
    claims: tuple[Claim, ...]


def save(path: Path, result: Result) -> None:
    """Write the result file, whole or not at all."""
    write_text(path, dump(result))


def dump(result: Result) -> str:
    """The result as JSON: a field a line, and a line for each row and each claim."""
    fields = {f.name: getattr(result, f.name) for f in dataclasses.fields(result)}
    lines = []
    for name, value in fields.items():
        text = _lines(value) if isinstance(value, tuple) else _json(value)
        lines.append(f" {json.dumps(name)}: {text}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _lines(items: Sequence[Any]) -> str:
    if not items:
        return "[]"
    return "[\n" + ",\n".join(f"  {_json(dataclasses.asdict(item))}" for item in items) + "\n ]"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def load(path: Path) -> Result:
    """Read a result file. Raises `UserError` when it is missing, cut off or of another shape."""
    fields = read_object(path)
    try:
        fields["rows"] = tuple(Row(**row) for row in fields["rows"])
        fields["claims"] = tuple(Claim(**claim) for claim in fields["claims"])
        return Result(**fields)
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path} is not a result of a study ({error}): run `duotempo study {path.stem}` again"
        ) from error


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file. Raises `UserError` when the file is missing or broken."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: check the path") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}): restore it or make it anew") from error
    if not isinstance(value, dict):
        raise UserError(f"{path} holds no JSON object: restore it or make it anew")
    return value


def verify(folder: Path, studies: Mapping[str, Callable[[], Study]]) -> list[str]:
    """One sentence for each way in which a result file and its study's own code disagree.

    Recomputes the claims of every `*.json` in `folder` from its rows. Raises `UserError` when the
    folder holds no result, since an empty check would look like a passed one.
    """
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise UserError(f"{folder} holds no result file: name the folder of the committed results")
    return [line for path in paths for line in _differences(path, studies)]


def _differences(path: Path, studies: Mapping[str, Callable[[], Study]]) -> list[str]:
    try:
        result = load(path)
    except UserError as error:
        return [str(error)]
    if result.study != path.stem or result.study not in studies:
        return [f"{path.name}: holds study {result.study!r}, which is not its name or not known"]
    study = studies[result.study]()
    found = [
        f"{path.name}: metric {metric!r} has rows but no meaning in the study"
        for metric in sorted({row.metric for row in result.rows} - set(study.metrics))
    ]
    if dict(result.metrics) != dict(study.metrics):
        found.append(f"{path.name}: the meanings of the metrics are not those of the study")
    written = {claim.claim: claim for claim in result.claims}
    made = {claim.claim: claim for claim in study.claims(result.rows)}
    for text in [*written, *(t for t in made if t not in written)]:
        if text not in made or text not in written:
            where = (
                "the file, not in the study" if text in written else "the study, not in the file"
            )
            found.append(f"{path.name}: claim {text!r} is in {where}")
        elif not _same(written[text], made[text]):
            found.append(
                f"{path.name}: {_show(written[text])}, but its rows give {_show(made[text])}"
            )
    return found


def _same(a: Claim, b: Claim) -> bool:
    close = all(
        math.isclose(x, y, rel_tol=SAME, abs_tol=SAME)
        for x, y in ((a.value, b.value), (a.low, b.low), (a.high, b.high))
    )
    return close and (a.target, a.holds) == (b.target, b.holds)


def _show(claim: Claim) -> str:
    holds = "holds" if claim.holds else "does not hold"
    return (
        f"{claim.claim!r} = {claim.value:.6g} [{claim.low:.6g}, {claim.high:.6g}], "
        f"target {claim.target} {holds}"
    )
