"""The open chunk of a deep memory: what it holds now, told by its start and its tokens' steps."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.rules.deep import act
from duotempo.rules.gates import Step
from duotempo.rules.rule import Weights
from duotempo.rules.state import DeepMemory

MEMORY, SURPRISE = 0, 1
Shares = Float[Tensor, "batch head 2 column"]


def opened(like: Tensor, batch: int, heads: int, chunk: int) -> Shares:
    """The shares at a chunk's start: all of the first memory, all of the first surprise."""
    shares = like.new_zeros(batch, heads, 2, 2 + chunk)
    shares[..., (0, 1), (0, 1)] = 1.0
    return shares


def appended(rows: Tensor, new: Tensor) -> Tensor:
    """The newest rows behind those that still have room."""
    return torch.cat((rows[..., new.shape[-2] :, :], new), -2)


def begun(state: DeepMemory, step: Step) -> DeepMemory:
    """What a token finds: nothing where a document begins with it."""
    if step.same is None:
        return state
    memory, momentum = (
        tuple(step.before(w) for w in part) for part in (state.memory, state.momentum)
    )
    return replace(state, memory=memory, momentum=momentum, shares=step.before(state.shares))


def stepped(shares: Shares, step: Step) -> Shares:
    """The shares after one token: what S_t = eta S + step and M_t = (1 - alpha) M + S_t do to
    matrices they do to what these are made of."""
    none = torch.zeros_like(step.size)
    memory, surprise = (
        torch.cat((row[..., :2], row[..., 3:], new), -1)
        for row, new in zip(shares.split(1, -2), (none, step.size), strict=True)
    )
    surprise = torch.cat((surprise[..., :-1] * step.momentum, step.size), -1)
    return torch.cat((step.after(memory, surprise), surprise), -2)


def moved(shares: Shares, of: Float[Tensor, "batch head 2 other"]) -> Shares:
    """The shares after some tokens, which made `of` out of the memory and surprise they found."""
    time = of.shape[-1] - 2
    old = of[..., :2] @ shares
    return torch.cat((old[..., :2], old[..., 2 + time :], of[..., 2:]), -1)


def present(state: DeepMemory, row: int) -> Weights:
    """The memory or the surprise as matrices."""
    shares = state.shares[..., row, :, None, None]
    found = []
    for i, (x, u) in enumerate(zip(state.inputs, state.signals, strict=True)):
        steps = (state.shares[..., row, 2:, None] * x).mT @ u
        steps = steps + shares[..., 0, :, :] * state.memory[i]
        if state.momentum:
            steps = steps + shares[..., 1, :, :] * state.momentum[i]
        found.append(steps)
    return tuple(found)


def read(state: DeepMemory, x: Tensor, base: Weights) -> Tensor:
    """The network with its present weights, each a sum that is never added up: one token takes
    each part in turn, since the sum would read and write them all."""
    shares = state.shares[..., MEMORY, :, None, None]
    for i, (x_k, u) in enumerate(zip(state.inputs, state.signals, strict=True)):
        x = act(x) if i else x
        z = x @ base[i] + shares[..., 0, :, :] * (x @ state.memory[i])
        if state.momentum:
            z = z + shares[..., 1, :, :] * (x @ state.momentum[i])
        x = z + ((x @ x_k.mT) * state.shares[..., MEMORY, None, 2:]) @ u
    return x
