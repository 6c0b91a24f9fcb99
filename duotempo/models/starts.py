"""How a decoder's weights begin: at random, or as a rule that recalls what it stored."""

import torch
from torch import nn

from duotempo.models.memory import NeuralMemory


def begin(model: nn.Module) -> None:
    """Set the first weights of a decoder, as its config says."""
    config = model.config
    nn.init.normal_(model.embedding.weight, std=0.5)
    depth = (2 * len(model.blocks)) ** -0.5
    for name, weight in model.named_parameters():
        if name.endswith(("out.weight", "down.weight")) and "gate" not in name:
            with torch.no_grad():
                weight.mul_(depth)
    if config.start == "recall":
        _begin_recalling(model)


@torch.no_grad()
def _begin_recalling(model: nn.Module) -> None:
    """A read of the memory raises the logit of the very byte that was stored.

    Values are an orthogonal image of the embedding, the output turns them back, and the head
    starts as the embedding's own, so recall works before anything is learned: what is left to
    learn is when to write and by which features to look up. Without it the answer's loss stays at
    chance for hundreds of steps.
    """
    model.head.weight.copy_(0.1 * model.embedding.weight)
    for layer in model.modules():
        if isinstance(layer, NeuralMemory):
            nn.init.orthogonal_(layer.value.weight)
            layer.out.weight.copy_(2 * layer.value.weight.T)
            layer.open.bias.zero_()
            conv = layer.convs["key"]
            signs = torch.randint(0, 2, conv.weight.shape) * 2.0 - 1
            conv.weight.copy_(signs * conv.kernel**-0.5)
