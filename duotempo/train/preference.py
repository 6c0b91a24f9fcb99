"""Direct preference optimisation: what should be said over what should not, near a reference."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from duotempo.core import Tell, UserError, silent
from duotempo.models.decoder import Decoder
from duotempo.tasks.batch import Batch
from duotempo.train.optim import cosine
from duotempo.train.step import nats


@dataclass(frozen=True, eq=False)
class Pairs:
    """Rows of the same prompts twice: with what should be said, and with what should not. Only the
    outputs weigh. Raises `UserError` for another number of rows."""

    chosen: Batch
    rejected: Batch

    def __post_init__(self) -> None:
        if len(self.chosen.tokens) != len(self.rejected.tokens):
            raise UserError(
                f"{len(self.chosen.tokens)} chosen and {len(self.rejected.tokens)} rejected rows: "
                "each prompt needs one of both"
            )


@dataclass(frozen=True)
class Preferring:
    """How preferences are learned: `beta` holds the model near the reference. Without `contrast`
    the chosen are only made likelier, a control. Source: DPO, arXiv 2305.18290, eq. 7. Raises
    `UserError`."""

    steps: int = 200
    rate: float = 1e-4
    beta: float = 0.1
    warmup: int = 20
    clip: float = 1.0
    contrast: bool = True

    def __post_init__(self) -> None:
        if self.steps < 1 or min(self.rate, self.beta, self.clip) <= 0 or self.warmup < 0:
            raise UserError(
                f"steps={self.steps}, rate={self.rate}, beta={self.beta}, clip={self.clip}, "
                f"warmup={self.warmup}: at least one step, the others above 0"
            )


def likelihood(model: nn.Module, batch: Batch) -> Float[Tensor, "row"]:
    """Log-likelihood of each row's output in nats, summed over its tokens."""
    logits, _ = model(batch.tokens, None)
    return -(nats(logits, batch.targets) * (batch.weights > 0)).sum(1)


def dpo(
    ours: tuple[Float[Tensor, "row"], Float[Tensor, "row"]],
    reference: tuple[Float[Tensor, "row"], Float[Tensor, "row"]],
    beta: float,
) -> Float[Tensor, ""]:
    """-log sigmoid(beta (log-ratio of the chosen - log-ratio of the rejected)), the mean over rows;
    each pair is (chosen, rejected). Source: DPO, arXiv 2305.18290, eq. 7."""
    margin = (ours[0] - reference[0]) - (ours[1] - reference[1])
    return -logsigmoid(beta * margin).mean()


def lost(
    learner: nn.Module, reference: nn.Module, rows: Pairs, how: Preferring
) -> Float[Tensor, ""]:
    """The loss of a step."""
    if not how.contrast:
        tokens = (rows.chosen.weights > 0).sum()
        return -likelihood(learner, rows.chosen).sum() / tokens
    with torch.no_grad():
        held = likelihood(reference, rows.chosen), likelihood(reference, rows.rejected)
    ours = likelihood(learner, rows.chosen), likelihood(learner, rows.rejected)
    return dpo(ours, held, how.beta)


def prefer(
    model: Decoder,
    pairs: Callable[[int], Pairs],
    how: Preferring = Preferring(),
    *,
    tell: Tell = silent,
) -> tuple[Decoder, list[float]]:
    """A copy of a model that prefers the chosen, and the losses; the model itself is the reference.

    `pairs` gives those of a step; the same model, pairs and threads give the same bits. Takes
    minutes at most and keeps no checkpoints: after a kill it begins anew. Raises `UserError` when
    the loss explodes.
    """
    learner, reference = deepcopy(model).train(), deepcopy(model).eval()
    learner.requires_grad_(True)
    optimiser = torch.optim.AdamW(learner.parameters(), lr=how.rate, weight_decay=0.0)
    losses: list[float] = []
    for step in range(how.steps):
        loss = lost(learner, reference, pairs(step), how)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(learner.parameters(), how.clip)
        if not torch.isfinite(loss + norm):
            raise UserError(f"step {step + 1} of the preferences exploded: lower the rate")
        for group in optimiser.param_groups:
            group["lr"] = how.rate * cosine(step, how.steps, how.warmup, 0.0)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(float(loss.detach()))
        tell("preferences", step + 1, how.steps)
    return learner.eval(), losses
