"""The slow channel's step: CISPO, an advantage pooled over prompts, nothing where all agree."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from duotempo.core import UserError

LEAST = 1e-4
"""Added to a group's standard deviation, so that a group of equals has no advantage."""

Tokens = Float[Tensor, "rollout time"]


@dataclass(frozen=True)
class Cispo:
    """L = -mean over tokens of sg(min(rho, cap)) A log pi(token), rho = pi / pi_old of that token.

    sg stops the gradient: a token beyond the cap weighs no more, but keeps its gradient, where
    PPO and GRPO would drop it. The penalty is `kl` times KL(pi || reference) a token. Source:
    FST, arXiv 2605.12484, after MiniMax-M1's CISPO; the paper's cap is 3 to 4, its kl 1e-3.
    """

    cap: float = 4.0
    kl: float = 1e-3

    def __post_init__(self) -> None:
        if self.cap < 1 or self.kl < 0:
            raise UserError(
                f"cap={self.cap}, kl={self.kl}: the cap is on a ratio, at least 1; kl not below 0"
            )

    def loss(
        self,
        logp: Tokens,
        old: Tokens,
        advantage: Float[Tensor, " rollout"],
        said: Bool[Tensor, "rollout time"],
        drift: Tokens | None = None,
    ) -> Float[Tensor, ""]:
        """The loss of rollouts: log-probabilities of their tokens now and when they were drawn,
        which places hold tokens that the model said, and the KL to the reference at each."""
        ratio = (logp.detach() - old).exp().clamp(max=self.cap)
        lost = -ratio * advantage[:, None] * logp
        if drift is not None:
            lost = lost + self.kl * drift
        return (lost * said).sum() / said.sum().clamp(min=1)


def advantages(
    rewards: Float[Tensor, "problem rollout"], known: Bool[Tensor, "problem rollout"]
) -> Float[Tensor, "problem rollout"]:
    """(reward - mean) / (deviation + 1e-4), over all rollouts of a problem whatever their prompt.

    Rollouts that nobody could judge (`known` false) count nowhere and have none. One baseline a
    problem, not a prompt: against its own mean a good prompt's rollouts would be no better than a
    bad one's. Equal rewards have none at all, whatever float32 makes of their mean. Source: FST,
    section 1.1 and table of ablations.
    """
    many = known.sum(1, keepdim=True).clamp(min=1)
    held = rewards * known
    away = (held - held.sum(1, keepdim=True) / many) * known
    low = rewards.masked_fill(~known, torch.inf).amin(1, keepdim=True)
    high = rewards.masked_fill(~known, -torch.inf).amax(1, keepdim=True)
    away = torch.where(high > low, away, 0)
    deviation = (away.pow(2).sum(1, keepdim=True) / many).sqrt()
    return away / (deviation + LEAST)


def varied(advantage: Float[Tensor, "problem rollout"]) -> Bool[Tensor, " problem"]:
    """Which problems have something to teach: rollouts that were not all worth the same."""
    return advantage.abs().amax(1) > 0


@dataclass(frozen=True)
class Step:
    """What one step of the weights did: mean reward, problems that varied, whether it moved."""

    reward: float
    varied: int
    problems: int
    moved: bool
    loss: float | None = None


def learnable(advantage: Float[Tensor, "problem rollout"], least: float) -> bool:
    """Whether a step is worth making: at least this share of its problems varied. A step on noise
    alone is drift."""
    return float(varied(advantage).float().mean()) >= least and bool(varied(advantage).any())


def drift(
    logits: Float[Tensor, "rollout time vocab"], reference: Float[Tensor, "rollout time vocab"]
) -> Tokens:
    """KL(pi || reference) at each place, over the whole vocabulary: exact, not sampled."""
    mine, theirs = logits.log_softmax(-1), reference.log_softmax(-1)
    return (mine.exp() * (mine - theirs)).sum(-1)


Loss = Callable[[], Float[Tensor, ""]]


def stepped(
    optimiser: torch.optim.Optimizer,
    weights: list[torch.nn.Parameter],
    losses: Sequence[Loss],
    clip: float = 1.0,
) -> float:
    """One update of the weights; the loss before it, which is the sum of its pieces. A piece is
    forgotten before the next one is asked for, so that the widest decides the memory.

    Raises `UserError` for a loss that is no number, with the weights as they were.
    """
    optimiser.zero_grad(set_to_none=True)
    total = 0.0
    for loss in losses:
        lost = loss()
        if not torch.isfinite(lost):
            raise UserError(
                "the loss is no longer a number: use a lower rate; the weights are kept"
            )
        lost.backward()
        total += float(lost.detach())
    torch.nn.utils.clip_grad_norm_(weights, clip)
    optimiser.step()
    return total
