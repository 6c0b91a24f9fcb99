"""Prose whose windows are slept on before they are evicted: what is recalled, what prose pays."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from duotempo.core import Event, HeldOut, Tell, live
from duotempo.recipes.sleep import SLEEP_WINDOW, text
from duotempo.sleep.nights import Full, Night, SliceLoss, Window, woke
from duotempo.sleep.recurrent import Sleeper
from duotempo.sleep.saved import load_sleeper
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.sleep_guard import Listened, tensors
from duotempo.study.stats import by_seed, claim, curve, mean, minus, there
from duotempo.tasks.batch import Batch, score
from duotempo.tasks.needle import Needle
from duotempo.tasks.prose import HELD_OUT_NOVELS, TRAIN_NOVELS, Prose, texts
from duotempo.train import Run, Stage, train

FIRST_REPORTED = 100
TRAINED = Path("runs/sleep-text-models")
PASSES = (1, 2, 4, 6)
SAMPLED = "N sampled"
ARMS = {"N=1": (1, False), "N=2": (2, False), "N=4": (4, False), SAMPLED: (4, True)}
PROSE = {"prose, N=1": (1, False), "prose, N=4": (4, False)}
"""Trained on prose alone: its gates are free, while a model of needles learns to skip prose."""

OWN = {arm: float(passes) for arm, (passes, _) in (ARMS | PROSE).items()}
PROSE_STEPS = 600
HELD_OUT = 0.25
METRICS = {
    "bits": "bits per byte of held-out prose, window by window; x: passes of sleep at test",
    "bits.alone": "the same bytes, every window read with an empty memory",
    "passkey": "five digits recalled from an evicted window, exact, share; x: passes",
    "keys": "one of four named keys recalled from evicted windows, exact, share; x: passes",
    "guard.bits": "bits per byte where a guard chooses each window's passes",
    "guard.keys": "named keys recalled exactly there, share",
    "guard.passes": "passes that the guard keeps, mean over windows",
    "guard.refused": "windows on which the guard keeps the reading alone, share",
    "fixed.bits": "bits per byte of the same texts; x: passes, the same for all windows",
    "fixed.keys": "named keys recalled exactly there, share; x: passes",
    "parameters": "weights of the model",
    "train.seconds": "seconds of training",
}
Numbers = list[tuple[str, float | None, float]]


@dataclass(frozen=True)
class SleepText:
    """Arms: passes of sleep on each window of 64 bytes, at equal steps; texts of 512 bytes.

    Four are trained to recall needles, two on prose alone.
    """

    name: str = "sleep-text"
    question: str = "Does sleep help a model of prose recall what was evicted, and at what price?"
    seeds: int = 2
    length: int = 512

    @property
    def metrics(self) -> Mapping[str, str]:
        """Bits and recall by passes."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Every arm with seeds of its own."""
        if size == "smoke":
            return [Job(arm, 0) for arm in ("N=1", SAMPLED, "prose, N=1")]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for arms in (ARMS, PROSE) for seed in seeds for arm in arms]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """The novels; smoke: Python's help topics."""
        sources = (None,) if size == "smoke" else (TRAIN_NOVELS, HELD_OUT_NOVELS)
        return {found.name: found.sha256 for source in sources for found in texts(source)}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Train, then read and ask with every number of passes."""
        run = recipe(job, size)
        folder = TRAINED / size / f"{job.arm.replace(',', '').replace(' ', '-')}-{job.seed}"
        trained = train(run, folder, tell=tell)
        model = load_sleeper(trained.model)
        numbers: Numbers = [
            ("parameters", None, float(sum(p.numel() for p in model.parameters()))),
            ("train.seconds", None, trained.seconds),
        ]
        for passes in PASSES if size == "full" else PASSES[:2]:
            tell("asking", passes, PASSES[-1])
            slept, x = model.with_passes(passes), float(passes)
            numbers += prose_bits(slept, job, size, x)
            if job.arm in ARMS:
                numbers += self.asked(slept, job.seed, size, x)
        if job.arm == SAMPLED:
            tell("the guard chooses", 0, 1)
            most = PASSES[-1] if size == "full" else 2
            numbers += guarded(model, self.documents(job.seed, size), most)
        return [Row(job.arm, job.seed, metric, x, float(value)) for metric, x, value in numbers]

    def asked(self, model: Sleeper, seed: int, size: Size, x: float) -> Numbers:
        """One passkey, one of four keys."""
        many = 4 if size == "full" else 1
        found: Numbers = []
        for metric, kind, needles in (("passkey", "passkey", 1), ("keys", "key", 4)):
            task = self.needle(size, kinds=(kind,), needles=(needles,))
            right = [
                score(model(batch.tokens)[0], batch).exact
                for batch in (task.batch(seed, index) for index in range(many))
            ]
            found.append((metric, x, mean(right)))
        return found

    def needle(self, size: Size, **settings: Any) -> Needle:
        """Facts in held-out prose, one of them asked for at the end."""
        run = recipe(Job("N=1", 0), size)
        task = run.stages[-1].task
        assert isinstance(task, Needle)
        length, rows = (self.length, 32) if size == "full" else (512, 2)
        return replace(
            task, split="held-out", lengths=(length,), asked=1, tokens=rows * length, **settings
        )

    def documents(self, seed: int, size: Size) -> Batch:
        """Texts for the guard."""
        task = self.needle(size, kinds=("key",), needles=(4,))
        batches = [task.batch(seed, 1000 + index) for index in range(2 if size == "full" else 1)]
        parts = zip(*map(tensors, batches), strict=True)
        rows = None if size == "full" else 1
        return Batch(*(torch.cat(part)[:rows] for part in parts))

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the rows say."""
        found: list[tuple[str, list[float], str]] = []
        for metric, target in (("passkey", "> 0"), ("keys", "> 0"), ("bits", "< 0")):
            one = by_seed(rows, "N=1", metric, 1.0)
            for arm in ("N=2", "N=4", SAMPLED):
                change = minus(by_seed(rows, arm, metric, OWN[arm]), one)
                found.append((f"{metric}: {arm} minus N=1, equal steps", change, target))
            four, same = (by_seed(rows, SAMPLED, metric, x) for x in (4.0, 1.0))
            text_ = f"{metric}: one checkpoint, 4 passes minus 1 at test"
            found.append((text_, minus(four, same), target))
        found += prose_claims(rows)
        for metric, sign, target in (("keys", 1, "<= 0.02"), ("bits", -1, "<= 0.02")):
            fixed = [by_seed(rows, SAMPLED, f"fixed.{metric}", float(n)) for n in PASSES]
            fixed = [each for each in fixed if each]
            if fixed:
                best = max(fixed, key=lambda each: sign * mean(list(each.values())))
                regret = minus(best, by_seed(rows, SAMPLED, f"guard.{metric}"))
                text_ = f"{metric}: best fixed number of passes minus the guard's choice, worse by"
                found.append((text_, [sign * value for value in regret], target))
        return [claim(text_, values, target) for text_, values, target in found if values]

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Recall and bits by passes at test."""
        shown = (
            ("keys", "named keys recalled exactly (share)", "Recall from evicted windows"),
            ("bits", "bits per byte", "Held-out prose, window by window"),
        )
        return [
            Figure(
                title=title,
                x_label="passes of sleep at test",
                y_label=label,
                series=there(curve(rows, arm, metric) for arm in ARMS | PROSE),
                caption="Arms by the passes of their training; windows of 64 bytes.",
            )
            for metric, label, title in shown
        ]


def prose_claims(rows: Sequence[Row]) -> list[tuple[str, list[float], str]]:
    """Models of prose: what sleep and what memory are worth in bits."""
    one, four = PROSE
    bits = {arm: by_seed(rows, arm, "bits", OWN[arm]) for arm in PROSE}
    alone = by_seed(rows, four, "bits.alone", OWN[four])
    fewer = by_seed(rows, four, "bits", 1.0)
    return [
        (
            "bits, trained on prose: N=4 minus N=1, equal steps",
            minus(bits[four], bits[one]),
            "< 0",
        ),
        ("bits, trained on prose: 4 passes minus 1 at test", minus(bits[four], fewer), "< 0"),
        ("bits, trained on prose: memory minus none, N=4", minus(bits[four], alone), "< 0"),
    ]


def recipe(job: Job, size: Size) -> Run:
    """The run of an arm and seed."""
    passes, sampled = (ARMS | PROSE)[job.arm]
    run = replace(text(passes, sampled=sampled), seed=job.seed)
    if job.arm in PROSE:
        prose = Prose(TRAIN_NOVELS, SleepText.length, 4, held_out=HELD_OUT_NOVELS)
        run = replace(run, stages=(Stage(prose, PROSE_STEPS, warmup=40),), held_out=None)
    if size == "full":
        return run
    task = Prose(rows=2) if job.arm in PROSE else Needle(lengths=(512,), tokens=1024)
    stage = replace(run.stages[0], task=task, steps=3)
    return replace(run, stages=(stage,), held_out=None)


@torch.no_grad()
def prose_bits(model: Sleeper, job: Job, size: Size, x: float) -> Numbers:
    """Held-out prose, read on; by models of prose also window by window, remembering nothing."""
    if size == "full":
        prose = Prose(TRAIN_NOVELS, 2048, 8, split="held-out", held_out=HELD_OUT_NOVELS)
    else:
        prose = Prose(split="held-out", length=256, rows=2)
    batches = [prose.batch(job.seed, index) for index in range(2 if size == "full" else 1)]
    found: Numbers = []
    lengths = {"bits": prose.length} | ({"bits.alone": SLEEP_WINDOW} if job.arm in PROSE else {})
    for metric, length in lengths.items():
        losses = [
            cross_entropy(model(b.tokens.view(-1, length))[0].mT, b.targets.view(-1, length))
            for b in batches
        ]
        found.append((metric, x, mean([float(loss) / math.log(2) for loss in losses])))
    return found


@torch.no_grad()
def guarded(model: Sleeper, documents: Batch, most: int) -> Numbers:
    """Texts lived through with a guard, and with fixed passes: bits, recall, what was kept."""
    nats, right, kept = 0.0, [], []
    for row in range(len(documents.tokens)):
        lost, exact, passes = lived(model, documents, row, most)
        nats, kept = nats + lost, kept + passes
        right.append(exact)
    plain = int((~documents.answers).sum())
    found: Numbers = [
        ("guard.bits", None, nats / plain / math.log(2)),
        ("guard.keys", None, mean(right)),
        ("guard.passes", None, mean([float(n) for n in kept])),
        ("guard.refused", None, mean([float(n == 1) for n in kept])),
    ]
    for passes in PASSES:
        logits, _ = model.with_passes(passes)(documents.tokens)
        lost = cross_entropy(logits.mT, documents.targets, reduction="none")
        bits = float(lost[~documents.answers].sum()) / plain / math.log(2)
        found.append(("fixed.bits", float(passes), bits))
        found.append(("fixed.keys", float(passes), score(logits, documents).exact))
    return found


def lived(model: Sleeper, documents: Batch, row: int, most: int) -> tuple[float, float, list[int]]:
    """Nats of one text's prose, whether its answer is right, and the passes of each night."""
    alone = Batch(*(part[row : row + 1] for part in tensors(documents)))
    guard = Listened(HeldOut(SliceLoss(model), patience=most))
    before, logits = model.init(1), []
    for event, state, _ in live(
        [Event(piece, piece.shape[1]) for piece in alone.tokens.split(SLEEP_WINDOW, 1)],
        woke(model, before),
        channel=Window(model),
        boundary=Full(SLEEP_WINDOW),
        sleep=Night(model, most, HELD_OUT),
        guard=guard,
        state=before,
    ):
        x, _ = model.awake(event.content, before)
        logits.append(model.head(model.norm(x)))
        before = state
    said = torch.cat(logits, 1)
    lost = cross_entropy(said.mT, alone.targets, reduction="none")
    return float(lost[~alone.answers].sum()), score(said, alone).exact, guard.passes
