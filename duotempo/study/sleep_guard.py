"""A guard that chooses the passes of a sleep by questions it makes from the window itself."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import torch
from jaxtyping import Int
from torch import Tensor
from torch.nn import functional as F

from duotempo.core import Event, HeldOut, Proposal, Verdict, live
from duotempo.sleep.nights import Full, Night, Rested, Slice, Window
from duotempo.sleep.recurrent import OpenWindow, Sleeper
from duotempo.tasks.batch import Batch, score
from duotempo.tasks.depo import Depo

MOST, PROBES = 8, 4
TEST = 1 << 21
Numbers = list[tuple[str, float | None, float]]


@dataclass(frozen=True)
class Probed:
    """A night whose evidence is the window's text rather than a slice that was held out."""

    night: Night

    def __call__(self, slow: Rested | None, state: OpenWindow) -> Proposal:
        proposal = self.night(slow, state)
        return replace(proposal, evidence=replace(proposal.evidence, tokens=state.tokens))


@dataclass(frozen=True)
class ProbeLoss:
    """Nats an answer to questions made from the window's edges, asked after waking."""

    model: Sleeper
    task: Depo
    seed: int

    @torch.no_grad()
    def __call__(self, value: Rested | None, evidence: Slice) -> float:
        window = evidence.read if value is None else value.window
        tokens = self.task.questions(evidence.tokens, Random(self.seed), PROBES)
        x, _ = self.model.awake(tokens[:, :-1], window)
        logits = self.model.head(self.model.norm(x))
        return float(F.cross_entropy(logits[0, ::2], tokens[0, 1::2]))


def guarded(model: Sleeper, task: Depo, rows: int, seed: int) -> Numbers:
    """Right answers when a guard chooses the passes of each window, and with each fixed number."""
    batch = replace(task, rows=rows).batch(seed, TEST)
    chosen, passes = [], []
    for row in range(rows):
        alone = Batch(*(part[row : row + 1] for part in tensors(batch)))
        state = _slept(model, task, alone.tokens[:, : task.context], seed)
        chosen.append(_right(model, state[0], alone, task.context))
        passes.append(state[1])
    found: Numbers = [
        ("guard.right", None, sum(chosen) / rows),
        ("guard.passes", None, sum(passes) / rows),
    ]
    for fixed in range(1, MOST + 1):
        with torch.no_grad():
            logits, _ = model.with_passes(fixed)(batch.tokens)
        found.append(("guard.fixed", float(fixed), score(logits, batch).exact))
    return found


def _slept(
    model: Sleeper, task: Depo, edges: Int[Tensor, "1 time"], seed: int
) -> tuple[OpenWindow, int]:
    """The state after one window and its night, and the passes that the guard kept."""
    lived = live(
        [Event(edges, edges.shape[1])],
        None,
        channel=Window(model),
        boundary=Full(task.context),
        sleep=Probed(Night(model, MOST)),
        guard=(guard := Listened(HeldOut(ProbeLoss(model, task, seed), patience=MOST))),
    )
    ((_, state, _),) = lived
    return state, guard.passes[-1]


class Listened:
    """A guard that remembers the passes it kept; 1 is the reading alone."""

    def __init__(self, guard: HeldOut) -> None:
        self.guard = guard
        self.passes: list[int] = []

    def __call__(self, slow: Rested | None, proposal: Proposal) -> Verdict:
        verdict = self.guard(slow, proposal)
        self.passes.append(max(1, verdict.passes))
        return verdict


@torch.no_grad()
def _right(model: Sleeper, state: OpenWindow, row: Batch, context: int) -> float:
    parts = [part[:, context:] for part in tensors(row)]
    x, _ = model.awake(parts[0], state)
    return score(model.head(model.norm(x)), Batch(*parts)).exact


def tensors(batch: Batch) -> Sequence[Tensor]:
    """The parts of a batch, in the order in which one is made of them."""
    return batch.tokens, batch.targets, batch.weights, batch.answers
