"""Recall from latent vectors alone: fitted to a context that is then gone, by steps and slots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch

from duotempo.core import Tell
from duotempo.models.latent import LatentDecoder
from duotempo.models.latent_saved import load_latent
from duotempo.models.thinking import AMORTISED, Preset
from duotempo.recipes.latent import ARMS, STEPS, TASK, TRAINED_AT, recall_run
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.stats import by_seed, claim, curve, exact_claim, interval, mean, minus
from duotempo.tasks.batch import score
from duotempo.tasks.recall import Recall
from duotempo.train import Run, train

FIRST_REPORTED = 100
TRAINED = Path("runs/latent-recall-models")
AT = (0, 1, 2, 4, 8, 16)
TEST = 1 << 20  # test rows come from batches that no training reaches
BY_LATENTS = {"2 latents": 2, "4 latents": 4, "8 latents": 8, "32 latents": 32}
SINGLE, FIRST_ORDER = tuple(arm for arm in ARMS if arm not in BY_LATENTS)
METRICS = {
    "recall": "values recalled from z alone, share; x: steps of the fit at test",
    "recall.other": "the same with z fitted to another row's context: what is not in z",
    "parameters": "weights of the model",
    "train.seconds": "seconds of training",
}


@dataclass(frozen=True)
class LatentRecall:
    """Arms: latent vectors a block, and two controls; equal weights, data and steps of training."""

    name: str = "latent-recall"
    question: str = "Does recall from latents alone rise with steps of the fit, and with latents?"
    seeds: int = 3
    batches: int = 4

    @property
    def metrics(self) -> Mapping[str, str]:
        """Recall by steps."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Every arm and seed; smoke: two arms."""
        if size == "smoke":
            return [Job(arm, 0) for arm in ("8 latents", FIRST_ORDER)]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + self.seeds)
        return [Job(arm, seed) for seed in seeds for arm in ARMS]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: all is generated."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """Train, then recall with every number of steps."""
        run = recipe(job, size)
        name = job.arm.replace(",", "").replace(" ", "-").replace("=", "")
        trained = train(run, TRAINED / size / f"{name}-{job.seed}", tell=tell)
        model = load_latent(trained.model)
        task = run.stages[0].task
        assert isinstance(task, Recall)
        many = self.batches if size == "full" else 1
        found: list[tuple[str, float | None, float]] = [
            ("parameters", None, float(sum(p.numel() for p in model.parameters()))),
            ("train.seconds", None, trained.seconds),
        ]
        for steps in AT:
            tell("recalling", steps, AT[-1])
            thinking = model.thinking_as(preset=Preset(AMORTISED, steps))
            right = [recalled(thinking, task, job.seed, TEST + i) for i in range(many)]
            found.append(("recall", float(steps), mean([own for own, _ in right])))
            found.append(("recall.other", float(steps), mean([other for _, other in right])))
        return [Row(job.arm, job.seed, metric, x, value) for metric, x, value in found]

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """What the rows say."""
        found = steps_claims(rows) + latents_claims(rows)
        own = [r.value for r in rows if r.metric == "parameters"]
        if own:
            text = "weights: most minus fewest over all arms"
            found.append(exact_claim(text, max(own) - min(own), "== 0"))
        return found

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Recall by steps, a curve an arm."""
        curves = [curve(rows, arm, "recall") for arm in ARMS]
        return [
            Figure(
                "More steps of the fit recall more, and so do more latents",
                "steps of the fit at test",
                "values recalled from z alone (share)",
                tuple(each for each in curves if each.points),
                caption=f"Trained with {TRAINED_AT} steps unless said otherwise; 24 pairs, equal "
                "weights in all arms.",
            )
        ]


def recipe(job: Job, size: Size) -> Run:
    """The run of an arm and seed."""
    if size == "full":
        return replace(recall_run(job.arm), seed=job.seed)
    small = replace(TASK, pairs=4, queries=4, length=16, rows=4)
    return replace(recall_run(job.arm, small, steps=min(3, STEPS)), seed=job.seed)


@torch.no_grad()
def recalled(model: LatentDecoder, task: Recall, seed: int, index: int) -> tuple[float, float]:
    """Shares of right answers: with z of the row's own context, and of the next row's."""
    batch = task.batch(seed, index)
    told = 2 * task.pairs
    begun = model.thought(model.read(batch.tokens[:, :told]))
    swapped = replace(begun, posterior=begun.posterior.rolled())
    shares = []
    for state in (begun, model.opened_anew(swapped)):
        logits, _ = model(batch.tokens[:, told:], state)
        guesses = torch.cat((batch.targets[:, :told] * 0, logits.argmax(-1)), 1)
        shares.append(score(guesses, batch).exact)
    return shares[0], shares[1]


def best(rows: Sequence[Row], arm: str) -> float | None:
    """The number of steps with the highest mean recall."""
    means = {x: list(by_seed(rows, arm, "recall", float(x)).values()) for x in AT if x}
    there = {x: mean(values) for x, values in means.items() if values}
    return float(max(there, key=lambda x: there[x])) if there else None


def steps_claims(rows: Sequence[Row]) -> list[Claim]:
    """What steps buy."""
    found: list[Claim] = []
    for arm in BY_LATENTS:
        top = best(rows, arm)
        if top is None:
            continue
        most, one = (by_seed(rows, arm, "recall", x) for x in (top, 1.0))
        text = f"{arm}: recall at the best T ({top:.0f}) minus T=1"
        found.append(claim(text, minus(most, one), ">= 0.3"))
        gap = interval(list(most.values()))[1] - interval(list(one.values()))[2]
        text = f"{arm}: low end at the best T minus high end at T=1"
        found.append(exact_claim(text, gap, "> 0"))
    ours = by_seed(rows, "8 latents", "recall", float(TRAINED_AT))
    for control, x in ((SINGLE, 1.0), (FIRST_ORDER, float(TRAINED_AT))):
        change = minus(ours, by_seed(rows, control, "recall", x))
        if change:
            text = f"8 latents, T={TRAINED_AT} minus {control.partition(', ')[2]}"
            found.append(claim(text, change, "> 0"))
    other = by_seed(rows, "8 latents", "recall.other", float(TRAINED_AT))
    if other:
        text = "recall with z of another context, 8 latents"
        found.append(claim(text, list(other.values()), "<= 0.1"))
    return found


def latents_claims(rows: Sequence[Row]) -> list[Claim]:
    """What latents buy, each arm at the steps it was trained with."""
    arms, found = list(BY_LATENTS), []
    for few, many in pairwise(arms):
        low, high = (by_seed(rows, arm, "recall", float(TRAINED_AT)) for arm in (few, many))
        if low and high:
            found.append(claim(f"recall: {many} minus {few}", minus(high, low), "> 0"))
    return found
