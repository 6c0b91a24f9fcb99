"""Where do facts come from, with a store and without, and can they be changed there?"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from duotempo.core import Tell
from duotempo.flow import (
    Case,
    Estimate,
    Probe,
    cases,
    certificates,
    contextuality,
    editability,
    emergence,
    operators,
    shares,
    sufficiency,
    swap,
)
from duotempo.flow.edits import FineTune, Operator, RankOne
from duotempo.flow.native import Native
from duotempo.flow.subject import ATTENTION, MEMORY, WEIGHTS
from duotempo.models.memory import NeuralMemory
from duotempo.models.saved import load_model
from duotempo.recipes.almanac import STEPS, TASK, arm_run
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.flow_store_claims import ARMS, KINDS, METRICS, SCORES, all_claims, all_figures
from duotempo.study.flow_store_probes import Asking
from duotempo.train import Run, train

FIRST_REPORTED = 100
TRAINED = Path("runs/flow-store-models")
Number = tuple[str, float | None, float]
MANY = 100
SINGLES = 16
"""Edits that are also made one at a time."""
Fitted = RankOne | FineTune
LOWER = "rank one, lower"
"""The same edit in the MLP below; made one at a time only."""


@dataclass(frozen=True)
class FlowStore:
    """Arms: one model with a store and its twin without, equal in weights, data and steps."""

    name: str = "flow-store"
    question: str = "Where do facts come from with a store and without, and can they be changed?"
    seeds: int = 3

    @property
    def metrics(self) -> Mapping[str, str]:
        """Sources, contextuality, editability."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Both arms for every seed: of weights, data, world and probes."""
        if size == "smoke":
            return [Job(arm, 0) for arm in ARMS]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for seed in seeds for arm in ARMS]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Train, then take every instrument to the model. A killed training goes on."""
        run = recipe(job, size)
        folder = TRAINED / size / f"{job.arm.replace(' ', '-')}-{job.seed}"
        trained = train(run, folder, tell=tell)
        subject = Native(load_model(trained.model).requires_grad_(False))
        weights = float(sum(p.numel() for p in subject.model.parameters()))
        numbers: list[Number] = [
            ("parameters", None, weights),
            ("train.seconds", None, trained.seconds),
            *measured(subject, asking(job, size), size, tell),
        ]
        return [Row(job.arm, job.seed, metric, x, value) for metric, x, value in numbers]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the residual-stream view says, held against the rows."""
        return all_claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Sources by class, outcomes of edits."""
        return all_figures(rows)


def recipe(job: Job, size: Size) -> Run:
    """The run of an arm and seed; each seed has a world of its own."""
    if size == "full":
        return replace(arm_run(job.arm, replace(TASK, world=job.seed), STEPS), seed=job.seed)
    return replace(arm_run(job.arm, asking(job, size).task, 3), seed=job.seed)


def asking(job: Job, size: Size) -> Asking:
    """What a model is asked."""
    task = replace(TASK, world=job.seed)
    if size == "full":
        return Asking(task, job.seed)
    small = replace(task, told=(0, 4), between=24, rows=4)
    return Asking(small, job.seed, documents=1, told=4, each=1, neighbours=1)


def measured(subject: Native, ask: Asking, size: Size, tell: Tell) -> list[Number]:
    """Every instrument of flow over one model."""
    begun = time.perf_counter()
    probes = ask.probes()
    ready = cases(subject, probes, tell)
    found = [
        *_sources(subject, ready, tell),
        *_startless(subject, probes, tell),
        *_shares(subject, ready, tell),
        *_emergence(subject, ready, tell),
        *_contexts(subject, ready, tell),
        *_state(subject, ready, few=1 if size == "smoke" else 8),
        *_edits(subject, ask, size, tell),
    ]
    return [*found, ("measure.seconds", None, time.perf_counter() - begun)]


def _named(group: str) -> str:
    """A group of channels, or a channel, as the study calls it."""
    if group.startswith(MEMORY):
        return "store"
    return {ATTENTION: "context", "persistent": "slots", WEIGHTS: "weights"}.get(group, group)


def _sources(subject: Native, ready: Sequence[Case], tell: Tell) -> Iterator[Number]:
    rows = swap(subject, ready, tell)
    for row in rows:
        where = f"{row.kind}.{'+'.join(map(_named, row.groups))}"
        if row.how == "as it is":
            yield from _told(f"right.{row.kind}", row.keep)
            yield from _told(f"said.{row.kind}", row.said_keep)
        elif row.how == "rival" and len(row.groups) == 1:
            yield from _told(f"follow.{where}", row.follow)
            yield from _told(f"keep.{where}", row.keep)
        elif row.how in ("zero", "random") and len(row.groups) == 1:
            yield from _told(f"{row.how}.{where}", row.keep)
    for each in certificates(rows, ready):
        where = f"{each.kind}.{_named(each.group)}"
        for name, value in (("needed", each.needed), ("enough", each.enough)):
            if value is not None:
                yield f"{name}.{where}", None, float(value)


def _startless(subject: Native, probes: Sequence[Probe], tell: Tell) -> Iterator[Number]:
    """Answers once the learned start of the memory is zero: it is a slow weight, and no group of
    channels has it."""
    memories = [m for m in subject.model.modules() if isinstance(m, NeuralMemory)]
    starts = [start for memory in memories for start in memory.start]
    if not starts:
        return
    learned = [start.clone() for start in starts]
    for start in starts:
        start.zero_()
    ready = cases(subject, probes, tell)
    for start, value in zip(starts, learned, strict=True):
        start.copy_(value)
    for kind in KINDS:
        right = [
            c.probe.question.choice(c.plain.logits[-1]) == 0 for c in ready if c.probe.kind == kind
        ]
        yield f"startless.{kind}", None, sum(right) / len(right)


def _told(
    metric: str, found: Estimate | float | int | None, x: float | None = None
) -> Iterable[Number]:
    """A number, where there is one."""
    if found is None:
        return []
    return [(metric, x, found.value if isinstance(found, Estimate) else float(found))]


def _shares(subject: Native, ready: Sequence[Case], tell: Tell) -> Iterator[Number]:
    found = shares(subject, ready, tell=tell)
    for row in found.rows:
        where = f"{row.kind}.{_named(row.group)}"
        if row.total is not None:
            yield from _told(f"share.{where}", row.share)
            yield from _told(f"total.{where}", row.total)
            yield from _told(f"direct.{where}", row.direct)
    for link in found.mediated:
        if (_named(link.source), _named(link.through)) == ("store", "weights"):
            yield from _told(f"mediated.{link.kind}", link.value)


def _emergence(subject: Native, ready: Sequence[Case], tell: Tell) -> Iterator[Number]:
    for row in emergence(subject, ready, tell).rows:
        yield from _told(f"settling.{row.kind}", row.settling)
        yield from _told(f"step.{row.kind}", row.step)
        jumps = {_named(channel): share for channel, share in row.jumps.items()}
        for group in ("context", "store", "weights"):
            yield f"jump.{row.kind}.{group}", None, jumps.get(group, 0.0)


def _contexts(subject: Native, ready: Sequence[Case], tell: Tell) -> Iterator[Number]:
    found = contextuality(subject, ready, tell)
    for row in found.rows:
        yield from _told(f"spread.{row.kind}", row.spread)
        yield from _told(f"flips.{row.kind}", row.flips)
    for sway in found.sways:
        if sway.kind == WEIGHTS:
            yield from _told(f"swayed.{sway.where}", sway.follow)


def _state(subject: Native, ready: Sequence[Case], few: int) -> Iterator[Number]:
    """What the stream alone gives back: of a whole text, and of a question about one."""
    far = [case for case in ready if case.probe.kind == "far"][:few]
    most, outside = 0.0, dict.fromkeys(subject.stores, 0.0)
    for case in far:
        question = case.probe.question.tokens
        whole = sufficiency(subject, case.probe.document, tokens=2)
        most = max(most, *(way.most for way in whole.ways))
        for way in sufficiency(subject, question, case.own, tokens=1).outside:
            if way.name in outside:
                outside[way.name] += way.kl / len(far)
    yield "checkpoints", None, most
    for name, kl in outside.items():
        yield f"outside.{_named(name)}", None, kl


def _edits(subject: Native, ask: Asking, size: Size, tell: Tell) -> Iterator[Number]:
    many, singles = (MANY, SINGLES) if size == "full" else (2, 1)
    edits, plain = ask.edits(many), ask.plain()
    ways: dict[str, Operator] = operators(subject, [plain])
    if size == "smoke":
        ways |= {n: replace(w, steps=2) for n, w in ways.items() if isinstance(w, Fitted)}
    upper = ways["rank one"]
    assert isinstance(upper, RankOne)
    lower = next(p.name for p in subject.places if p.channel == WEIGHTS)
    alone = {**ways, LOWER: replace(upper, place=lower)}
    rows = editability(subject, edits[:singles], alone, plain, counts=(1,), tell=tell)
    rows += editability(subject, edits, ways, plain, counts=(many,), tell=tell)
    for row in rows:
        for score in SCORES:
            x = 1.0 if row.count == 1 else float(MANY)
            yield from _told(f"edit.{row.operator}.{score}", getattr(row, score), x)
