"""Products added to a state: one kernel, and a state that stays in its own precision."""

import torch
from jaxtyping import Float
from torch import Tensor


def plus(
    x: Float[Tensor, "batch head row column"],
    a: Float[Tensor, "batch head row inner"],
    b: Float[Tensor, "batch head inner column"],
) -> Float[Tensor, "batch head row column"]:
    """x + a @ b. Under autocast the product is taken in low precision and the sum in x's own: in
    bf16 an update below 1/256 of the weight would be lost."""
    if torch.is_autocast_enabled(x.device.type):
        return x + a @ b
    flat = (t.flatten(0, 1) for t in (x, a, b))
    return torch.baddbmm(*flat).unflatten(0, x.shape[:2])


def through(
    x: Float[Tensor, "batch head time row"], weight: Float[Tensor, "head row column"]
) -> Float[Tensor, "batch head time column"]:
    """x @ weight for a weight that all sequences share: one product, no copy for each sequence."""
    if x.shape[0] == 1:
        return x @ weight[None]  # a weight without a batch has its gradient written once more
    together = x.transpose(0, 1).flatten(1, 2) @ weight
    return together.unflatten(1, (x.shape[0], -1)).transpose(0, 1)
