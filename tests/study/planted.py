"""A study with known rows, which can be made to wait, to fail, and to die."""

import math
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from duotempo.study import Figure, Job, Row
from duotempo.study.run import Settings, run
from duotempo.study.stats import by_seed, claim, curve, exact_claim


@dataclass(frozen=True)
class Planted:
    """Two arms with three seeds; job ("b", 1) does what `trouble` says; `diary` notes each try."""

    diary: Path
    trouble: str = ""
    seconds: float = 0.0
    metrics: dict[str, str] = field(default_factory=lambda: {"size": "seed + x, pieces"})
    name: str = "planted"
    question: str = "Are planted numbers found again?"

    def jobs(self, size):
        return [Job(arm, seed) for arm in "ab" for seed in range(3)]

    def measure(self, job, size, tell):
        with self.diary.open("a") as diary:
            diary.write(f"{job.arm}{job.seed} {os.getpid()}\n")
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            tell("waiting", 0, 0)
            time.sleep(0.01)
        if job == Job("b", 1):
            if self.trouble == "raise":
                raise ValueError("planted error")
            if self.trouble == "die":
                os._exit(7)
        value = float(os.environ["OMP_NUM_THREADS"]) if self.trouble == "threads" else job.seed
        value = math.nan if self.trouble == "nan" and job == Job("b", 1) else value
        metric = "unheard of" if self.trouble == "metric" and job == Job("b", 1) else "size"
        return [Row(job.arm, job.seed, metric, x, value + x) for x in (0.0, 1.0)]

    def claims(self, rows):
        values = by_seed(rows, "a", "size", 1.0).values()
        return [exact_claim("rows", float(len(rows)), ">= 0"), claim("mean", list(values), ">= 2")]

    def figures(self, rows):
        return [Figure("Planted", "x (pieces)", "size (pieces)", (curve(rows, "a", "size"),))]

    def inputs(self, size):
        return {}


if __name__ == "__main__":
    diary, runs = map(Path, sys.argv[1:])
    run(Planted(diary, seconds=0.4), Settings("smoke", workers=2, runs=runs))
