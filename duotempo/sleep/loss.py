"""The loss of a lesson: next token plus the teacher's best guesses; gradient in closed form."""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

LEAST = 1e-6  # of a probability that we divide by


def _exact(t: Tensor) -> Tensor:
    """In fp32, or as it is if it is finer."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


@dataclass(frozen=True)
class TopGuesses:
    """The teacher's most likely next tokens: log-probabilities and ids, each [time, top]."""

    logp: Float[Tensor, "time top"]
    ids: Int[Tensor, "time top"]


def lesson_loss(
    logits: Float[Tensor, "time vocab"],
    targets: Int[Tensor, " time"],
    teacher: TopGuesses | None,
    distill: float,
) -> Float[Tensor, ""]:
    """Mean next-token loss + `distill` x KL(teacher || student), in nats, by autograd: the truth.

    The KL is taken over the teacher's top guesses and one last outcome, "any other token", which
    bounds the full KL from below (log-sum inequality).
    """
    logp = _exact(logits).log_softmax(-1)
    loss = F.nll_loss(logp, targets)
    if teacher is None:
        return loss
    mine, theirs = logp.gather(1, teacher.ids), _exact(teacher.logp)
    rest = (1 - mine.exp().sum(1)).clamp_min(LEAST)
    rest_taught = (1 - theirs.exp().sum(1)).clamp_min(LEAST)
    kl = (theirs.exp() * (theirs - mine)).sum(1) + rest_taught * (rest_taught.log() - rest.log())
    return loss + distill * kl.mean()


class _FusedLessonLoss(torch.autograd.Function):
    """Head, softmax, both losses and their gradient in one go: one softmax, not four passes."""

    @staticmethod
    def forward(
        ctx: Any,
        y: Tensor,
        head: Tensor,
        targets: Tensor,
        teacher: TopGuesses | None,
        distill: float,
    ) -> Tensor:
        p = _exact(y @ head.T)
        p.sub_(p.amax(1, keepdim=True)).exp_()
        p.div_(p.sum(1, keepdim=True))
        at = targets[:, None]
        loss = -p.gather(1, at).clamp_min(1e-38).log().mean()
        if teacher is not None:
            loss = loss + distill * _pull(p, teacher, distill)
        p.scatter_add_(1, at, torch.full_like(at, -1, dtype=p.dtype))
        ctx.save_for_backward((p.div_(len(targets)).to(head.dtype)) @ head)
        return loss

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Any:
        (slope,) = ctx.saved_tensors
        return slope * upstream[0].to(slope.dtype), None, None, None, None


def _pull(p: Tensor, teacher: TopGuesses, distill: float) -> Tensor:
    """The mean KL; turns `p` in place into the gradient of both losses, less the target's 1.

    On a guess k: p_k + distill (p_k - t_k). Off the guesses: p_j (1 + distill (1 - t_rest/p_rest)).
    """
    mine, theirs = p.gather(1, teacher.ids), _exact(teacher.logp).exp()
    rest = (1 - mine.sum(1, keepdim=True)).clamp_min(LEAST)
    rest_taught = (1 - theirs.sum(1, keepdim=True)).clamp_min(LEAST)
    kl = (theirs * (_exact(teacher.logp) - mine.clamp_min(1e-38).log())).sum(1, keepdim=True)
    kl = kl + rest_taught * (rest_taught.log() - rest.log())
    ratio = rest_taught / rest
    p.mul_(1 + distill * (1 - ratio))
    p.scatter_add_(1, teacher.ids, distill * (mine * ratio - theirs))
    return kl.mean()


def fused_lesson_loss(
    y: Float[Tensor, "time width"],
    head: Float[Tensor, "vocab width"],
    targets: Int[Tensor, " time"],
    teacher: TopGuesses | None,
    distill: float,
) -> Float[Tensor, ""]:
    """`lesson_loss` of `y @ head.T` with the gradient for `y` alone (the head is slow)."""
    return _FusedLessonLoss.apply(y, head, targets, teacher, distill)
