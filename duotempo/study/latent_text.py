"""Prose past a window of four bytes: what latents carry from segment to segment, at what price."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from duotempo.core import Tell
from duotempo.models.bounds import importance_weighted
from duotempo.models.latent import LatentDecoder
from duotempo.models.latent_saved import load_native
from duotempo.models.posterior import STANDARD, Latent, PerRow, fresh
from duotempo.recipes.latent import (
    CARRY,
    FULL,
    LATENT,
    MORE,
    PAPER,
    PLAIN,
    SILENT,
    TEXT_SEGMENT,
    text_run,
)
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.latent_text_claims import all_claims, all_figures
from duotempo.tasks.prose import HELD_OUT_NOVELS, TRAIN_NOVELS, Prose, texts
from duotempo.train import Run, train
from duotempo.train.evaluate import evaluate, read

ORDER = (MORE, LATENT, PAPER, FULL, SILENT, PLAIN)
FIRST_REPORTED = 100
TRAINED = Path("runs/latent-text-models")
AT = (0, 1, 4, 16, 64)
ENDS = (0, TEXT_SEGMENT, 2048, 4096, 8192, 16384, 32768)
BIT = math.log(2)
METRICS = {
    "bits": "bits per byte of passages of 4,096 bytes, every byte foretold from those before it; "
    "x: steps of each fit at test (0: latents at zero)",
    "bits.reset": "the same with a posterior that begins anew at every segment",
    "long": "bits per byte of stretches of 32,768 bytes",
    "long.reset": "the same with a posterior that begins anew at every segment",
    "long.deaf": "the same with latents at zero",
    "place": "bits per byte within those stretches; x: bytes read at the end of the bin",
    "place.deaf": "the same with latents at zero",
    "bound": "reconstruction and KL of segments whose latents were fitted to them; x: steps",
    "reconstruction": "bits per byte of the segments given a fresh draw of those latents; x: steps",
    "at_zero": "bits per byte of the same segments with latents at zero",
    "kl": "KL of those latents from their prior, bits per byte; x: steps",
    "weighted": "importance-weighted bound with 8 draws; x: steps",
    "read.seconds": "seconds of reading four such stretches side by side, fits included",
    "state.bytes": "bytes of the state of one stream",
    "parameters": "weights of the model",
    "train.seconds": "seconds of training",
}
Numbers = list[tuple[str, float | None, float]]


@dataclass(frozen=True)
class LatentText:
    """Arms: decoders with windows of four bytes or all, one trained four times as long, and
    two with latents, and one whose latents are never fitted. Equal weights and batches."""

    name: str = "latent-text"
    question: str = "Do latents carry what the window of a decoder of prose has lost?"
    seeds: int = 3

    @property
    def metrics(self) -> Mapping[str, str]:
        """Bits, by steps and by place."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Every arm and seed, a seed's longest first; smoke: one seed."""
        seeds = [0] if size == "smoke" else range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for seed in seeds for arm in ORDER]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """The novels; smoke: Python's help topics."""
        sources = (None,) if size == "smoke" else (TRAIN_NOVELS, HELD_OUT_NOVELS)
        return {found.name: found.sha256 for source in sources for found in texts(source)}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Train, then read held-out prose."""
        run = recipe(job, size)
        folder = f"{job.arm.replace(',', '').replace(' ', '-')}-{job.seed}"
        trained = train(run, TRAINED / size / folder, tell=tell)
        model = load_native(trained.model)
        found: Numbers = [
            ("parameters", None, float(sum(p.numel() for p in model.parameters()))),
            ("train.seconds", None, trained.seconds),
        ]
        if isinstance(model, LatentDecoder):
            found += thought(model, job, size, tell)
        else:
            found.append(("bits", None, bits(model, passages(size), job.seed)))
        if job.arm != FULL:
            tell("long stretches", 0, 1)
            found += long(model, job.seed, size)
        return [Row(job.arm, job.seed, metric, x, float(value)) for metric, x, value in found]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the rows say."""
        return all_claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """By steps, by place, and the parts of the bound."""
        return all_figures(rows)


def recipe(job: Job, size: Size) -> Run:
    """The run of an arm and seed."""
    if size == "full":
        run = text_run(job.arm, source=TRAIN_NOVELS, held_out=HELD_OUT_NOVELS)
    else:
        run = text_run(job.arm, steps=2)
        task = Prose(length=2 * TEXT_SEGMENT + 1, rows=1)
        run = replace(run, stages=(replace(run.stages[0], task=task, steps=2),))
    return replace(run, seed=job.seed, held_out=None)


def held(size: Size, length: int, rows: int) -> Prose:
    """Prose that no model was trained on."""
    if size == "smoke":
        return Prose(split="held-out", length=min(length, 2 * TEXT_SEGMENT + 2), rows=2)
    return Prose(TRAIN_NOVELS, length, rows, split="held-out", held_out=HELD_OUT_NOVELS)


def passages(size: Size) -> Prose:
    """Four passages as long as those of the training."""
    return held(size, 4096, 4)


def bits(model: nn.Module, task: Prose, seed: int) -> float:
    """Bits per byte of a batch."""
    found = evaluate(model, task, seed=seed, batches=1).bits
    assert found is not None
    return found


def thought(model: LatentDecoder, job: Job, size: Size, tell: Tell) -> Numbers:
    """Passages by steps of the fit, carried on and begun anew; segments by parts of the bound."""
    found: Numbers = []
    asked = AT[:1] if job.arm == SILENT else AT if size == "full" else AT[:2]
    for steps in asked:
        tell("reading by steps", steps, AT[-1])
        x, now = float(steps), model.thinking_as(preset=model.thinking.preset.at(steps))
        for metric, carry in (("bits", CARRY), ("bits.reset", 0.0)):
            each = now.thinking_as(carry=carry)
            found.append((metric, x, bits(each, passages(size), job.seed)))
        found += parts(now, job.seed, size, x)
    return found


@torch.no_grad()
def parts(model: LatentDecoder, seed: int, size: Size, x: float) -> Numbers:
    """Reconstruction and KL of single segments, each with latents fitted to it: the paper's score
    with fresh noise. These latents have seen the text that is scored."""
    batch = held(size, TEXT_SEGMENT, 16).batch(seed, 1)
    tokens, targets = batch.tokens[:, :-1], batch.targets[:, :-1]
    noise = fresh(seed)
    posterior = model.fit(batch.tokens, noise=noise)

    def loss(z: Latent) -> PerRow:
        return model.nats(z, tokens, targets).sum(1)

    draws = torch.stack([loss(posterior.sample(noise)) for _ in range(4)])
    said = {
        "reconstruction": draws.mean(0),
        "at_zero": loss(torch.zeros_like(posterior.mean)),
        "kl": STANDARD.kl(posterior),
        "weighted": importance_weighted(loss, posterior, noise, (8,))[8],
    }
    said["bound"] = said["reconstruction"] + said["kl"]
    return [(name, x, per_byte(nats, tokens)) for name, nats in said.items()]


def per_byte(nats: PerRow, tokens: Int[Tensor, "batch time"]) -> float:
    """Nats of whole sequences as bits per byte."""
    return float(nats.mean()) / tokens.shape[1] / BIT


def long(model: nn.Module, seed: int, size: Size) -> Numbers:
    """Stretches far longer than any row of the training, by how far a byte is into them."""
    task = held(size, ENDS[-1], 4)
    reader, began = streamed(model), time.perf_counter()
    whole = losses(reader, task, seed)
    found: Numbers = [
        ("read.seconds", None, time.perf_counter() - began),
        ("state.bytes", None, float(state_bytes(reader))),
        ("long", None, float(whole.mean())),
        *places("place", whole),
    ]
    if isinstance(model, LatentDecoder) and model.thinking.preset.steps:
        deaf = losses(model.thinking_as(preset=model.thinking.preset.at(0)), task, seed)
        found += [("long.deaf", None, float(deaf.mean())), *places("place.deaf", deaf)]
        anew = losses(model.thinking_as(carry=0.0), task, seed)
        found.append(("long.reset", None, float(anew.mean())))
    return found


def streamed(model: nn.Module) -> nn.Module:
    """The model with latents that are carried on."""
    return model.thinking_as(carry=CARRY) if isinstance(model, LatentDecoder) else model


@torch.no_grad()
def state_bytes(model: nn.Module) -> int:
    """Of one stream that has begun a second segment."""
    _, state = model(torch.zeros(1, 2 * TEXT_SEGMENT, dtype=torch.long))
    return int(state.bytes)


def places(metric: str, lost: Float[Tensor, "batch time"]) -> Numbers:
    """The mean of each bin of a stretch."""
    bins = [(end, lost[:, start:end]) for start, end in pairwise(ENDS)]
    return [(metric, float(end), float(part.mean())) for end, part in bins if part.numel()]


@torch.no_grad()
def losses(model: nn.Module, task: Prose, seed: int) -> Float[Tensor, "batch time"]:
    """Bits of every byte."""
    return read(model, task.batch(seed, 0), 4096, torch.device("cpu"))[0].double() / BIT
