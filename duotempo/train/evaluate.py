"""What a model is worth: bits per byte of prose, and right answers, by token and whole."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from duotempo.tasks.batch import Batch, Task, score


@dataclass(frozen=True)
class Score:
    """`bits` per token of what is scored outside the answers, `right` the share of answer tokens
    and `exact` the share of whole answers that are the model's first choice; None: had none."""

    bits: float | None
    right: float | None
    exact: float | None
    tokens: int
    answers: int

    def facts(self) -> dict[str, Any]:
        """The score for a log."""
        return asdict(self)


@torch.no_grad()
def evaluate(
    model: nn.Module, task: Task, *, seed: int = 0, batches: int = 4, piece: int = 4096
) -> Score:
    """Score a model on the first batches of a task, read in pieces with the state carried over.

    The memory it takes does not grow with the length of a batch's rows, but for the rows
    themselves. Teacher forcing: an answer counts as right when each token is the first choice
    after the right tokens before it, which is when greedy decoding would give it.
    """
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    nats, prose, hits, tokens, whole, answers = 0.0, 0, 0.0, 0, 0.0, 0
    for index in range(batches):
        batch = task.batch(seed, index)
        losses, guesses = read(model, batch, piece, device)
        plain = (batch.weights > 0) & ~batch.answers
        nats += float(losses[plain].double().sum())
        prose += int(plain.sum())
        if batch.answers.any():
            found = score(guesses, batch)
            hits, tokens = hits + found.token * found.tokens, tokens + found.tokens
            whole, answers = whole + found.exact * found.answers, answers + found.answers
    model.train(was_training)
    return Score(
        bits=nats / prose / math.log(2) if prose else None,
        right=hits / tokens if tokens else None,
        exact=whole / answers if answers else None,
        tokens=prose,
        answers=answers,
    )


def read(
    model: nn.Module, batch: Batch, piece: int, device: torch.device
) -> tuple[Float[Tensor, "batch time"], Int[Tensor, "batch time"]]:
    """The loss of every target in nats, and the first choice in its place."""
    state, losses, guesses = None, [], []
    for start in range(0, batch.tokens.shape[1], piece):
        targets = batch.targets[:, start : start + piece].to(device)
        logits, state = model(batch.tokens[:, start : start + piece].to(device), state)
        loss = cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
        losses.append(loss.view_as(targets).cpu())
        guesses.append(logits.argmax(-1).cpu())
    return torch.cat(losses, 1), torch.cat(guesses, 1)
