"""Runs a study: every job once, each kept as it finishes, so a killed run can go on."""

import hashlib
import json
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from duotempo.core import UserError, provenance
from duotempo.core.files import write_text
from duotempo.study import pool
from duotempo.study.base import Job, Row, Size, Study
from duotempo.study.cluster import need_ray, work_on_ray
from duotempo.study.progress import board, note
from duotempo.study.results import Result, read_object, save

Engine = Literal["local", "ray"]


@dataclass(frozen=True)
class Settings:
    """How a study is run. `workers` None: as many as the cores allow at `threads` threads each."""

    size: Size = "full"
    engine: Engine = "local"
    workers: int | None = None
    threads: int = 1
    fresh: bool = False
    quiet: bool = False
    runs: Path = Path("runs")

    def __post_init__(self) -> None:
        if self.threads < 1 or (self.workers is not None and self.workers < 1):
            raise UserError(
                f"workers={self.workers}, threads={self.threads}: each must be at least 1"
            )

    def folder(self, study: Study) -> Path:
        """The run folder of a study."""
        return self.runs / f"{study.name}-{self.size}"

    def command(self, study: Study) -> str:
        """The command line that makes the same numbers."""
        threads = f" --threads {self.threads}" if self.threads != 1 else ""
        return f"duotempo study {study.name} --size {self.size}{threads}"


class JobsFailed(UserError):
    """Some jobs failed; those that finished are kept. `failures` says what went wrong in each."""

    def __init__(self, folder: Path, failures: Sequence[pool.Failed]) -> None:
        self.folder, self.failures = folder, tuple(failures)
        names = "; ".join(f"{f.job.arm}, seed {f.job.seed}: {f.error}" for f in failures)
        super().__init__(
            f"{len(failures)} of the jobs failed ({names}): mend the cause and run the same "
            f"command again, it goes on with the rest; traces are in {folder / 'log.jsonl'}"
        )


def run(study: Study, settings: Settings) -> Result:
    """Measure what is not measured yet, then make claims of all rows; returns the result.

    Writes `run.json`, `log.jsonl`, `jobs/*.json` and `result.json` into the run folder. Raises
    `UserError` when the folder holds a run that differs in settings, inputs, size or threads,
    `JobsFailed` when jobs failed. Jobs that an earlier commit measured are kept, and the result
    names every commit: new claims need no new measurement; when `measure` changed, use `fresh`,
    which trains again too. On KeyboardInterrupt or a kill the finished jobs are kept, and the same
    call goes on with the rest.
    """
    folder = settings.folder(study)
    if settings.engine == "ray":
        need_ray()  # before --fresh takes anything away
    jobs = list(study.jobs(settings.size))
    _open(folder, study, settings)
    finished = [job for job in jobs if _path(folder, job).exists()]
    missing = [job for job in jobs if job not in set(finished)]
    failures: list[pool.Failed] = []
    made_by = provenance.commit()
    if older := _other_commits(folder, finished, made_by):
        note(f"jobs from {older} are kept; --fresh measures all at {made_by}", settings.quiet)
    work = pool.work if settings.engine == "local" else work_on_ray
    crew = {"workers": settings.workers, "threads": settings.threads}
    reports = work(study, missing, settings.size, **crew)
    with closing(reports), board(jobs, finished, quiet=settings.quiet) as shown:
        for report in reports:
            if isinstance(report, pool.Done):
                _keep(folder, report, made_by)
            elif isinstance(report, pool.Failed):
                failures.append(report)
            if not isinstance(report, pool.Progress):
                _log(folder, report)
            shown.show(report)
    if failures:
        raise JobsFailed(folder, failures)
    result = _gather(folder, study, jobs, settings)
    save(folder / "result.json", result)
    return result


def identity(study: Study, size: Size, threads: int) -> dict[str, Any]:
    """What two runs must share for the jobs of one to count in the other."""
    return {
        "study": study.name,
        "size": size,
        "threads": threads,
        "settings": repr(study),
        "inputs": dict(study.inputs(size)),
    }


def _open(folder: Path, study: Study, settings: Settings) -> None:
    """Start the run folder, or make sure that what it holds is this very run."""
    now = identity(study, settings.size, settings.threads)
    card = folder / "run.json"
    if settings.fresh and card.exists():
        shutil.rmtree(folder / "jobs", ignore_errors=True)
        for name in ("log.jsonl", "result.json", "report.html", "run.json"):
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(settings.runs / f"{study.name}-models" / settings.size, ignore_errors=True)
    if not card.exists():
        about = {"commit": provenance.commit(), "machine": provenance.machine()}
        write_text(card, json.dumps({"identity": now, **about}, indent=1) + "\n")
        return
    before = read_object(card).get("identity", {})
    other = [name for name in now if before.get(name) != now[name]]
    if other:
        raise UserError(
            f"{folder} holds a run that differs in its {' and '.join(other)}: "
            "add --fresh to start anew, or move the folder away to keep it"
        )


def _path(folder: Path, job: Job) -> Path:
    word = re.sub(r"[^A-Za-z0-9=.]+", "-", job.arm).strip("-.")[:40]
    mark = hashlib.sha256(job.arm.encode()).hexdigest()[:8]  # two arms may share a word
    return folder / "jobs" / f"{word}-{mark}-{job.seed}.json"


def _keep(folder: Path, done: pool.Done, made_by: str) -> None:
    card = {
        "job": asdict(done.job),
        "commit": made_by,
        "seconds": round(done.seconds, 3),
        "rows": [asdict(row) for row in done.rows],
    }
    write_text(_path(folder, done.job), json.dumps(card, allow_nan=False) + "\n")


def _other_commits(folder: Path, finished: Sequence[Job], made_by: str) -> str:
    """The commits, but this one, that finished jobs were measured at."""
    commits = {read_object(_path(folder, job))["commit"] for job in finished}
    return ", ".join(sorted(commits - {made_by}))


def _log(folder: Path, report: pool.Done | pool.Failed) -> None:
    line = {"time": time.strftime("%Y-%m-%dT%H:%M:%S%z"), **asdict(report.job)}
    if isinstance(report, pool.Done):
        line |= {"event": "done", "rows": len(report.rows), "seconds": round(report.seconds, 3)}
    else:
        line |= {"event": "failed", "error": report.error, "trace": report.trace}
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")


def _gather(folder: Path, study: Study, jobs: Sequence[Job], settings: Settings) -> Result:
    cards = [read_object(_path(folder, job)) for job in jobs]
    rows = tuple(Row(**row) for card in cards for row in card["rows"])
    return Result(
        study=study.name,
        command=settings.command(study),
        commit=", ".join(sorted({card["commit"] for card in cards})),
        machine=provenance.machine(),
        seconds=round(sum(card["seconds"] for card in cards), 1),
        threads=settings.threads,
        inputs=dict(study.inputs(settings.size)),
        metrics=dict(study.metrics),
        rows=rows,
        claims=tuple(study.claims(rows)),
    )
