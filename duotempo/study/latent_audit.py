"""Two ways to misread a latent model's likelihood: noise that the fit has seen, and a KL floor."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duotempo.core import Tell
from duotempo.models.parity import TRUTH, audit
from duotempo.models.thinking import Preset
from duotempo.study.base import Claim, Figure, Job, Point, Row, Series, Size
from duotempo.study.stats import by_seed, claim, curve

CELLS = (8.0, 4.0, 2.0, 1.0, 0.5, 0.25)
STEPS = (1, 4, 8, 16, 32, 64)
TOY = "parity toy"
FLOORS = {
    "Adam, 0.30 to 0.34 (paper)": "adam",
    "Adam, cosine 0.34 to 0.034 (released)": "adam-released",
    "natural gradient from the prior": "natural",
}
PAPER_START = -5.0
METRICS = {
    "kept": "nats a bit, scored with the noise that it was fitted to; x: width of a cell",
    "honest": "nats a bit of the same kind of fit, scored with fresh noise; x: width of a cell",
    "floor": "nats of KL a latent dimension that carries nothing; x: steps of the fit",
}


@dataclass(frozen=True)
class LatentAudit:
    """A toy whose true cost is ln 2 a bit, and fits to nothing; a seed is a draw of bits."""

    name: str = "latent-audit"
    question: str = "Which scores of a latent model can lie, and what does a bad preset cost?"
    seeds: int = 5

    @property
    def metrics(self) -> Mapping[str, str]:
        """Nats."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """The toy with every seed, each preset once."""
        seeds = range(1 if size == "smoke" else self.seeds)
        return [Job(TOY, seed) for seed in seeds] + [Job(arm, 0) for arm in FLOORS]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """One draw of the toy, or the floors of a preset."""
        if job.arm == TOY:
            found = [audit(cell, seed=job.seed) for cell in CELLS]
            kept = [Row(TOY, job.seed, "kept", each.cell, each.kept) for each in found]
            return kept + [Row(TOY, job.seed, "honest", a.cell, a.honest) for a in found]
        return [Row(job.arm, 0, "floor", float(n), preset(job.arm, n).floor()) for n in STEPS]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What can lie does; what is a bound stays above the truth."""
        found = []
        for cell in CELLS[3:]:
            kept, honest = (by_seed(rows, TOY, metric, cell) for metric in ("kept", "honest"))
            under = [value - TRUTH for value in kept.values()]
            over = [value - TRUTH for value in honest.values()]
            text = f"cells of {cell:g}: same-noise score minus the truth, nats a bit (not a bound)"
            found.append(claim(text, under, "< 0"))
            text = f"cells of {cell:g}: fresh-noise score minus the truth, nats a bit"
            found.append(claim(text, over, ">= 0"))
        released = by_seed(rows, "Adam, cosine 0.34 to 0.034 (released)", "floor", 16.0)
        away = [abs(value - 0.466) for value in released.values()]
        found.append(claim("released schedule, 16 steps: KL floor from 0.466", away, "<= 0.03"))
        natural = [r.value for r in rows if r.arm == "natural gradient from the prior"]
        found.append(claim("natural gradient from the prior: KL floor", natural, "<= 0.000001"))
        return found

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Scores against the truth; floors by steps."""
        truth = tuple(Point(cell, TRUTH, TRUTH, TRUTH) for cell in CELLS)
        toy = Figure(
            "Scored with the noise it was fitted to, a posterior beats the truth",
            "width of a decoder's cell, in deviations of the prior",
            "nats a bit",
            (
                curve(rows, TOY, "honest", name="fresh noise: a bound"),
                curve(rows, TOY, "kept", name="same noise: not a bound", style="dashed"),
                Series("the truth, ln 2", truth, "dotted"),
            ),
            log_x=True,
            caption="One fair bit a latent dimension, read as the parity of a cell.",
        )
        floors = Figure(
            "What a fit to nothing costs",
            "steps of the fit",
            "nats of KL a latent dimension",
            tuple(curve(rows, arm, "floor") for arm in FLOORS),
            log_x=True,
            caption="Adam starts at a log-variance of -5 and must come back to the prior in time.",
        )
        return [toy, floors]


def preset(arm: str, steps: int) -> Preset:
    """The preset of an arm at so many steps, begun where its authors begin."""
    rule = FLOORS[arm]
    return Preset(rule, steps, 0.0 if rule == "natural" else PAPER_START)
