"""Optimisers and their rate: AdamW, or Muon for the hidden matrices; warm-up, cosine, clipping."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer


@dataclass(frozen=True)
class AdamW:
    """AdamW; only matrices decay: shrinking a gain, a bias or a gate moves what the model does."""

    betas: tuple[float, float] = (0.9, 0.95)
    decay: float = 0.1
    eps: float = 1e-8

    def build(self, model: nn.Module) -> tuple[Optimizer, ...]:
        """The optimiser of a model."""
        return (self.over([p for p in model.parameters() if p.requires_grad]),)

    def over(self, parameters: Sequence[Tensor]) -> Optimizer:
        """The optimiser of some parameters."""
        groups = [
            {"params": [p for p in parameters if p.ndim == 2], "weight_decay": self.decay},
            {"params": [p for p in parameters if p.ndim != 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        return torch.optim.AdamW(groups, lr=0.0, betas=self.betas, eps=self.eps)


@dataclass(frozen=True)
class Muon:
    """Muon for the hidden matrices, AdamW for the rest: embeddings, the head, gains, biases.

    Updates are scaled to the size of AdamW's, so that one rate serves both. Source: Moonlight,
    arXiv 2502.16982.
    """

    momentum: float = 0.95
    decay: float = 0.1
    rest: AdamW = AdamW()

    def build(self, model: nn.Module) -> tuple[Optimizer, ...]:
        """The two optimisers of a model."""
        hidden = list(hidden_matrices(model))
        taken = {id(p) for p in hidden}
        rest = [p for p in model.parameters() if p.requires_grad and id(p) not in taken]
        muon = torch.optim.Muon(
            hidden,
            lr=0.0,
            momentum=self.momentum,
            weight_decay=self.decay,
            adjust_lr_fn="match_rms_adamw",
        )
        return muon, self.rest.over(rest)


def hidden_matrices(model: nn.Module) -> Iterator[Tensor]:
    """The weights of linear layers, but for those called `head` and those tied to an embedding."""
    outer = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
    for name, module in model.named_modules():
        if not isinstance(module, nn.Linear) or name.split(".")[-1] == "head":
            continue
        if id(module.weight) not in outer and module.weight.requires_grad:
            yield module.weight


def cosine(place: int, steps: int, warmup: int, floor: float) -> float:
    """The share of the peak rate at step `place` (from 0) of `steps`."""
    if place < warmup:
        return (place + 1) / warmup
    gone = (place - warmup) / max(1, steps - warmup)
    return floor + (1 - floor) * (1 + math.cos(math.pi * gone)) / 2


def set_rate(optimisers: Sequence[Optimizer], rate: float) -> None:
    """Let all optimisers step at this rate."""
    for optimiser in optimisers:
        for group in optimiser.param_groups:
            group["lr"] = rate


def clip(parameters: Sequence[Tensor], most: float) -> float:
    """Scale all gradients so that their joint norm is at most `most`; returns the norm before."""
    norm = get_total_norm([p.grad for p in parameters if p.grad is not None])
    clip_grads_with_norm_(parameters, most, norm)
    return float(whole(norm))


def whole(tensor: Tensor) -> Tensor:
    """A tensor that may be sharded over processes, as one plain tensor; all must ask together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
