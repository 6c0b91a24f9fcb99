"""One step: read a batch in pieces with the state carried over, learn, and say what happened."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils._pytree import tree_map

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, score
from duotempo.train.checkpoint import Learner, Progress
from duotempo.train.optim import clip, cosine, set_rate
from duotempo.train.penalty import cost, hearing
from duotempo.train.run import Precision, Run, Stage


@dataclass(frozen=True)
class Outcome:
    """What a step did: the loss without and the cost of penalties, the shares of answer tokens
    and of whole answers that were right (None: nothing was asked), rate, norm before clipping."""

    loss: float
    penalty: float
    right: float | None
    exact: float | None
    rate: float
    norm: float
    tokens: int


@dataclass(frozen=True)
class Part:
    """What one process's rows gave: its part of the loss, its penalties, its first choices."""

    loss: float
    penalty: float
    guesses: Int[Tensor, "rows time"]


def learn(run: Run, learner: Learner, progress: Progress) -> Outcome:
    """Make the step that `progress` stands before. Raises `UserError` when the loss explodes."""
    stage, world = run.stages[progress.stage], learner.world
    torch.manual_seed(chance(run.seed, progress.step, world.rank))
    batch = stage.task.batch(run.seed, progress.step)
    mine, weight = world.rows(batch), float(batch.weights.sum())
    if weight <= 0:
        raise UserError("a batch without weights teaches nothing: give its targets weights above 0")
    share = (progress.place + 1) / stage.steps
    part = backward(learner, stage, mine, precision=run.precision, weight=weight, share=share)
    loss, penalty, hits, asked, whole, answers = world.sum(tally(part, mine)).tolist()
    norm = clip(list(learner.model.parameters()), run.clip)
    if not math.isfinite(loss + norm):
        raise UserError(
            f"step {progress.step + 1} has loss {loss:g} and a gradient of norm {norm:g}: lower "
            "the rate or the clip of the run; the checkpoint before it is intact"
        )
    rate = stage.rate * cosine(progress.place, stage.steps, stage.warmup, stage.floor)
    set_rate(learner.optimisers, rate)
    for optimiser in learner.optimisers:
        optimiser.step()
        optimiser.zero_grad()
    right = hits / asked if asked else None
    exact = whole / answers if answers else None
    return Outcome(loss, penalty / world.size, right, exact, rate, norm, batch.tokens.numel())


def chance(seed: int, step: int, rank: int) -> int:
    """The seed of all that is random in one step, so that nothing about it need be saved."""
    return zlib.crc32(f"{seed}/{step}/{rank}".encode())


def backward(
    learner: Learner,
    stage: Stage,
    mine: Batch,
    *,
    precision: Precision,
    weight: float,
    share: float,
) -> Part:
    """Add up the gradients of sum(weights * nats) / `weight` + penalties over this process's rows.

    `weight` is that of the rows of all processes. Gradients are averaged over processes, so the
    loss counts once for each of them; penalties are means already.
    """
    state, loss, penalty, guesses = None, torch.zeros(()), torch.zeros(()), []
    length = mine.tokens.shape[1]
    autocast = torch.autocast(
        learner.world.device.type, torch.bfloat16, enabled=precision == "bf16"
    )
    with hearing(learner.model, stage.penalties) as heard:
        for stretch in stretches(length, stage):
            total = torch.zeros(())
            for piece in stretch:
                heard.clear()
                with autocast:
                    logits, state = learner.model(mine.tokens[:, piece], state)
                targets = mine.targets[:, piece]
                lost = (mine.weights[:, piece] * nats(logits, targets)).sum() / weight
                paid = cost(stage.penalties, heard, share) * (targets.shape[1] / length)
                total = total + learner.world.size * lost + paid
                loss, penalty = loss + lost.detach(), penalty + paid.detach()
                guesses.append(logits.detach().argmax(-1))
            total.backward()
            state = tree_map(loose, state)
    return Part(float(loss), float(penalty), torch.cat(guesses, 1))


def stretches(length: int, stage: Stage) -> Iterator[list[slice]]:
    """The pieces of a row, in groups that gradients flow through."""
    segment = stage.segment or length
    pieces = [slice(start, start + segment) for start in range(0, length, segment)]
    for first in range(0, len(pieces), stage.detach_every):
        yield pieces[first : first + stage.detach_every]


def loose(part: object) -> object:
    """A part of the state without its history."""
    return part.detach() if isinstance(part, Tensor) else part


def nats(
    logits: Float[Tensor, "rows time vocabulary"], targets: Int[Tensor, "rows time"]
) -> Float[Tensor, "rows time"]:
    """The loss of each target; in fp32: bf16 has three digits."""
    lost = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    return lost.view_as(targets)


def tally(part: Part, mine: Batch) -> Float[Tensor, "6"]:
    """What is added up over processes: loss, penalty, right and all answer tokens, answers."""
    counts = [part.loss, part.penalty, 0.0, 0.0, 0.0, 0.0]
    if mine.answers.any():
        found = score(part.guesses, mine)
        counts[2:4] = round(found.token * found.tokens), found.tokens
        counts[4:6] = round(found.exact * found.answers), found.answers
    return torch.tensor(counts, dtype=torch.float64, device=mine.tokens.device)
