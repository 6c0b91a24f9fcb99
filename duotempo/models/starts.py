"""How a decoder's weights begin: at random, ready to copy, or recalling what it stored."""

import torch
from torch import nn

from duotempo.models.memory import NeuralMemory


def begin(model: nn.Module, start: str) -> None:
    """Set the first weights of a decoder that has `embedding`, `blocks` and `head`."""
    depth = 2 * sum(name.count(".") == 1 for name, _ in model.named_modules() if "blocks." in name)
    for name, weight in model.named_parameters():
        if name.endswith(("out.weight", "down.weight")) and "gate" not in name:
            with torch.no_grad():
                weight.mul_(depth**-0.5)
    if start == "recall":
        _begin_recalling(model)
    if start == "copy":
        _begin_copying(model)


@torch.no_grad()
def _begin_copying(model: nn.Module) -> None:
    """The head starts as the embedding's own, and both small: what attention moves from one place
    to another is said there as it was read."""
    weights = dict(model.named_parameters())
    words = weights["embedding.weight"]
    nn.init.normal_(words, std=words.shape[1] ** -0.5)
    weights["head.weight"].copy_(words)


@torch.no_grad()
def _begin_recalling(model: nn.Module) -> None:
    """A read of the memory raises the logit of the very byte that was stored.

    Values are an orthogonal image of the embedding, the output turns them back, and the head
    starts as the embedding's own, so recall works before anything is learned: what is left to
    learn is when to write and by which features to look up. Without it the answer's loss stays at
    chance for hundreds of steps.
    """
    weights = dict(model.named_parameters())
    weights["head.weight"].copy_(0.1 * weights["embedding.weight"])
    for layer in model.modules():
        if not isinstance(layer, NeuralMemory):
            continue
        nn.init.orthogonal_(layer.value.weight)
        layer.out.weight.copy_(2 * layer.value.weight.T)
        layer.open.bias.zero_()
        layer.key.begin_hashing()
