"""What the server adds to a model's own time under load, and what a kill loses."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from duotempo.core import Tell, UserError
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.serve_client import Load, counted, killed, loaded, lost, server
from duotempo.study.stats import by_seed, claim

FIRST_REPORTED = 100
DATABASES = ("sqlite", "postgresql")
POSTGRES = "DUOTEMPO_POSTGRES"
"""Names the environment's variable with the URL of a PostgreSQL in which schemas may be made."""
LOADS: dict[Size, Load] = {"smoke": Load(5, 5.0, 3.0), "full": Load(50, 20.0, 120.0)}
KILLED: dict[Size, Load] = {"smoke": Load(2, 0.0, 2.0), "full": Load(8, 0.0, 5.0)}
METRICS = {
    "p50": "milliseconds from a request to the last byte of its answer, median; the model, an "
    "echo, takes none of it",
    "p99": "the same, the 99th of 100",
    "requests": "requests that were answered",
    "sleeps": "memories that were made meanwhile",
    "acknowledged": "turns that the server had acknowledged",
    "lost": "of these, turns that are not in the database",
}


@dataclass(frozen=True)
class ServeLoad:
    """Jobs must not disturb each other: run it with `--workers 1` on a quiet machine."""

    name: str = "serve-load"
    question: str = "What does the server add to a model's time, and what does a kill lose?"
    repeats: int = 3
    kills: int = 10

    @property
    def metrics(self) -> Mapping[str, str]:
        """Times and counts."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Loads and kills by database; the small size needs no PostgreSQL."""
        if size == "smoke":
            return [Job("load, sqlite", 0), Job("kill, sqlite", 0)]
        times = {"load": self.repeats, "kill": self.kills}
        return [
            Job(f"{what}, {database}", FIRST_REPORTED + n)
            for what, many in times.items()
            for n in range(many)
            for database in DATABASES
        ]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """One server with its people."""
        what, _, database = job.arm.partition(", ")
        tell(f"{what} on {database}", 0, 1)
        with place(database) as where:
            run = load if what == "load" else kill
            found = run(where, size, job.seed)
        return [Row(job.arm, job.seed, metric, None, value) for metric, value in found.items()]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """Times by database; losses of all."""
        said = []
        for database in DATABASES:
            arm = f"load, {database}"
            said += [
                (f"{database}: ms added, p50", by_seed(rows, arm, "p50"), "< 20"),
                (f"{database}: ms added, p99", by_seed(rows, arm, "p99"), "< 20"),
                (f"{database}: turns lost under load", by_seed(rows, arm, "lost"), "<= 0"),
                (
                    f"{database}: turns lost by a kill",
                    by_seed(rows, f"kill, {database}", "lost"),
                    "<= 0",
                ),
            ]
        return [
            claim(text, list(values.values()), target) for text, values, target in said if values
        ]

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """None: a table says it."""
        return []


def load(where: str, size: Size, seed: int) -> dict[str, float]:
    """People who ask at random times while the server sleeps on what they said."""
    with server(where) as (_, address):
        loaded(address, Load(2, 10.0, 1.0), seed + 1_000_000)  # warm
        people, took = loaded(address, LOADS[size], seed)
        sleeps = counted(address, "sleeps_total")
    took.sort()
    return {
        "p50": took[len(took) // 2],
        "p99": took[min(len(took) - 1, len(took) * 99 // 100)],
        "requests": float(len(took)),
        "sleeps": sleeps,
        "acknowledged": float(sum(len(person.acknowledged) for person in people)),
        "lost": float(lost(where, people)),
    }


def kill(where: str, size: Size, seed: int) -> dict[str, float]:
    """A server that is killed while it answers; what it acknowledged is looked for."""
    with server(where) as (child, address):
        people = killed(child, address, KILLED[size], seed)
    return {
        "acknowledged": float(sum(len(person.acknowledged) for person in people)),
        "lost": float(lost(where, people)),
    }


@contextmanager
def place(database: str) -> Iterator[str]:
    """A fresh database of a kind, gone when this ends. Raises `UserError`."""
    if database == "sqlite":
        with TemporaryDirectory() as folder:
            yield str(Path(folder) / "talks.db")
        return
    url, schema = os.environ.get(POSTGRES), f"load_{secrets.token_hex(6)}"
    if not url:
        raise UserError(f"set {POSTGRES} to the URL of a PostgreSQL in which schemas may be made")
    psycopg = _psycopg()
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(f"CREATE SCHEMA {schema}")
        try:
            mark = "&" if "?" in url else "?"
            yield f"{url}{mark}options=-csearch_path%3D{schema}"
        finally:
            db.execute(f"DROP SCHEMA {schema} CASCADE")


def _psycopg() -> Any:
    try:
        import psycopg  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UserError("PostgreSQL needs its driver: pip install 'duotempo[serve]'") from error
    return psycopg
