"""Does a memory written by surprise recall what a window cannot, and what does prose pay for it?"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.utils._pytree import tree_leaves, tree_map

from duotempo.core import Tell
from duotempo.models.config import Config
from duotempo.models.decoder import Decoder, State
from duotempo.models.saved import load_model
from duotempo.recipes.needle import ARMS, TEXTS, model, needle
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.titans_needle_claims import METRICS, claims, figures
from duotempo.tasks.batch import Batch, Score, score
from duotempo.tasks.needle import Needle, haystack
from duotempo.tasks.prose import HELD_OUT_NOVELS, TRAIN_NOVELS, Prose, texts
from duotempo.train import Run, evaluate, train

BEST = "mag"
FIRST_REPORTED = 100
Numbers = list[tuple[str, float | None, float]]
TAIL = 128  # bytes that hold the longest question with its answer
PIECE = 256  # bytes that streams are read in: with 16 rows and more a piece fits the cache
TRAINED = Path("runs/titans-needle-models")


@dataclass(frozen=True)
class Reading:
    """How far streams are read: `rows` of them up to `near`, `few` of them on to the last end."""

    rows: int
    ends: tuple[int, ...]
    near: int = 262_144
    few: int = 8


SMOKE = Reading(2, (512, 1024))
ENDS = (2048, 4096, 8192, 16384, 65536, 262_144, 1_048_576, 2_097_152)
READINGS = {
    BEST: Reading(32, ENDS),
    "window": Reading(16, ENDS[:5]),
    "full attention": Reading(8, ENDS[:4]),
}
OTHERS = Reading(16, ENDS[:6], near=65_536, few=8)


@dataclass(frozen=True)
class TitansNeedle:
    """Arms: the wirings of a memory and their twins, equal in parameters, data and steps."""

    name: str = "titans-needle"
    question: str = "Does a memory written by surprise recall what a window cannot?"
    arms: tuple[str, ...] = tuple(ARMS)
    smoke: tuple[str, ...] = (BEST, "window")
    seeds: int = 3

    @property
    def metrics(self) -> Mapping[str, str]:
        """Exact answers by distance, bits per byte of prose, and what both cost."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Every arm with seeds of its own for weights, data and tests; smoke: two arms."""
        if size == "smoke":
            return [Job(arm, 0) for arm in self.smoke]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for seed in seeds for arm in self.arms]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """The novels; smoke: Python's help topics."""
        sources = (None,) if size == "smoke" else (TRAIN_NOVELS, HELD_OUT_NOVELS)
        return {text.name: text.sha256 for source in sources for text in texts(source)}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Train, then ask. The training goes on where a killed one stopped."""
        run = recipe(job, size)
        folder = TRAINED / size / f"{job.arm.replace(' ', '-')}-{job.seed}"
        trained = train(run, folder, tell=tell)
        model = load_model(trained.model)
        numbers = [
            ("parameters", None, sum(p.numel() for p in model.parameters())),
            ("train.seconds", None, trained.seconds),
            ("train.bytes", None, trained.tokens),
        ]
        plan = SMOKE if size == "smoke" else self.reading(job.arm)
        numbers += Asking(model, job, size, plan, tell).all()
        return [Row(job.arm, job.seed, metric, x, float(v)) for metric, x, v in numbers]

    def reading(self, arm: str) -> Reading:
        """How far an arm is read."""
        return READINGS.get(arm, OTHERS)

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the rows say."""
        return claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """What the rows look like."""
        return figures(rows)


def recipe(job: Job, size: Size) -> Run:
    """The run of an arm and seed."""
    if size == "full":
        return replace(needle(job.arm), seed=job.seed)
    run, small = needle(job.arm, steps=4), config_of(job, size)
    stage = replace(run.stages[0], task=_task(size, lengths=(512,), tokens=1024), steps=3)
    return replace(run, model=small, stages=(stage,), held_out=None, seed=job.seed)


def config_of(job: Job, size: Size) -> Config:
    """The model of an arm; smoke: a tiny one."""
    config = model(job.arm)
    if size == "full":
        return config
    return replace(config, width=16, ff=16, memory=replace(config.memory, size=8))


def _task(size: Size, **settings: Any) -> Needle:
    """Needles in the held-out prose, one passkey unless `settings` say otherwise."""
    task = Needle() if size == "smoke" else replace(TEXTS, split="held-out")
    plain = replace(task, kinds=("passkey",), needles=(1,), asked=1, decoys=0.0)
    return replace(plain, **settings)


@dataclass(frozen=True)
class Asking:
    """All that a trained model is asked."""

    model: Decoder
    job: Job
    size: Size
    plan: Reading
    tell: Tell

    def all(self) -> Numbers:
        """Metric, x and value of everything."""
        return [*self.near(), *self.bits(), *self.far()]

    def near(self) -> Numbers:
        """Needles of every kind at one length each, passkeys by depth, and inside the window."""
        full = self.size == "full"
        many = 64 if self.job.arm == BEST else 32
        long, middle = (16_384, 4096) if full else (512, 512)
        asked = {
            "number": _task(self.size, kinds=("number",), lengths=(long,), tokens=8 * long),
            "word": _task(self.size, kinds=("word",), lengths=(long,), tokens=8 * long),
            "keys": _task(
                self.size, kinds=("key",), needles=(4,), lengths=(middle,), tokens=8 * middle
            ),
            "inside": _task(self.size, lengths=(80,), tokens=640),
        }
        found: Numbers = []
        if not full or self.job.arm == "full attention":
            many = 8
        for name, task in asked.items():
            self.tell(f"asking for {name}", 0, 1)
            result = self.score(task, 8 * many if name == "inside" else many)
            x = float(task.lengths[0])
            found += [(name, x, result[0]), (f"{name}.signs", x, result[1])]
        if full and self.job.arm == BEST:
            for low in (0.0, 0.25, 0.5, 0.75):
                task = _task("full", depth=(low, low + 0.25), lengths=(8192,), tokens=65_536)
                found.append(("depth", low, self.score(task, 32)[0]))
        return found

    @torch.no_grad()
    def score(self, task: Needle, many: int) -> tuple[float, float]:
        """Exact answers and right signs over `many` texts; logits are made of their ends only."""
        rows = task.tokens // task.lengths[0]
        exact, signs, batches = 0.0, 0.0, max(1, many // rows)
        for index in range(batches):
            batch = task.batch(self.job.seed, index)
            end = max(0, batch.tokens.shape[1] - TAIL)
            state = self.model.init(rows)
            with self.precise():
                for start in range(0, end, PIECE):
                    piece = batch.tokens[:, start : min(end, start + PIECE)]
                    state = self.model.read(piece, state)
            found = self.answered(_tail(batch, end), state)
            exact, signs = exact + found.exact / batches, signs + found.token / batches
        return exact, signs

    def answered(self, batch: Batch, state: State) -> Score:
        """What the model makes of the end of some texts."""
        with self.precise():
            logits, _ = self.model(batch.tokens, state)
        return score(logits.float(), batch)

    def bits(self) -> Numbers:
        """Bits per byte of held-out prose, read in long stretches."""
        self.tell("reading prose", 0, 1)
        if self.size == "smoke":
            task, batches = Prose(split="held-out", length=512, rows=2), 1
        else:
            task = Prose(TRAIN_NOVELS, 8192, 16, split="held-out", held_out=HELD_OUT_NOVELS)
            batches = 3
        with self.precise():
            result = evaluate(self.model, task, seed=self.job.seed, batches=batches, piece=PIECE)
        assert result.bits is not None
        return [("bits", None, result.bits)]

    @torch.no_grad()
    def far(self) -> Numbers:
        """One passkey near the start of each stream; a copy of the state is asked at each end."""
        plan = self.plan
        stream = haystack(_task(self.size), self.job.seed, rows=plan.rows)
        state, at, rows = self.model.init(plan.rows), 0, plan.rows
        found: Numbers = []
        for end in plan.ends:
            if at >= plan.near and rows > plan.few:
                rows = plan.few
                state = tree_map(lambda part: part[: plan.few], state)
            begun, first = time.process_time(), at
            for piece in stream.pieces(end, PIECE, start=at):
                with self.precise():
                    state = self.model.read(piece[:rows], state)
                at += piece.shape[1]
                self.tell("reading streams", at, plan.ends[-1])
            seconds = (time.process_time() - begun) / (end - first) / rows
            found += self.asked(stream.question(end, length=TAIL - 1), state, float(end))
            found += [("read.seconds", float(end), seconds)]
        return found

    def asked(self, question: Batch, state: State, x: float) -> Numbers:
        """What the model answers after so many bytes, and the size of its state."""
        rows = state.position.shape[0]
        batch = replace(question, **{n: part[:rows] for n, part in vars(question).items()})
        result = self.answered(batch, state)
        held = sum(leaf.numel() * leaf.element_size() for leaf in tree_leaves(state)) / rows
        return [
            ("passkey", x, result.exact),
            ("passkey.signs", x, result.token),
            ("passkey.streams", x, float(rows)),
            ("state", x, held),
        ]

    def precise(self) -> torch.autocast:
        """As in training: products in bf16, the memory and its gates in fp32."""
        return torch.autocast("cpu", torch.bfloat16, enabled=self.size == "full")


def _tail(batch: Batch, start: int) -> Batch:
    """The ends of some texts."""
    parts = (batch.tokens, batch.targets, batch.weights, batch.answers)
    return Batch(*(part[:, start:].contiguous() for part in parts))
