"""Fast weights: low-rank deltas on MLP projections, by hooks; slow weights are never written."""

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers.pytorch_utils import Conv1D

from duotempo.core import UserError
from duotempo.models.body import Body, KeyValues
from duotempo.models.sites import Hook, hooked


@dataclass(frozen=True)
class FastWeights:
    """Low-rank deltas by module name: module(x) + scale * up(down(x)).

    `down[name]` is [rank, inputs], `up[name]` is [outputs, rank]; up = 0 is no memory.
    """

    down: Mapping[str, Float[Tensor, "rank inputs"]]
    up: Mapping[str, Float[Tensor, "outputs rank"]]
    scale: float = 2.0

    kind = "weights"

    @property
    def slots(self) -> Mapping[int, KeyValues]:
        """None: fast weights add no keys and values."""
        return {}

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state under a flat name."""
        down = {f"down.{name}": t for name, t in self.down.items()}
        return down | {f"up.{name}": t for name, t in self.up.items()}

    def replaced(self, tensors: Mapping[str, Tensor]) -> "FastWeights":
        """The same state with other tensors, named as in `tensors`."""
        down = {n.removeprefix("down."): t for n, t in tensors.items() if n.startswith("down.")}
        up = {n.removeprefix("up."): t for n, t in tensors.items() if n.startswith("up.")}
        return FastWeights(down, up, self.scale)

    def attached(self, body: Body, quiet: int = 0) -> contextlib.AbstractContextManager[None]:
        """Within: the deltas are added in every row of a batch but the first `quiet` ones."""
        if unknown := self.down.keys() - body.sites.keys():
            raise UserError(
                f"the fast state names modules that this model lacks ({min(unknown)}): "
                "open it with the model it was made with"
            )
        return hooked({body.sites[name]: self._hook(name, quiet) for name in self.down})

    def delta(self, name: str, x: Float[Tensor, "*rows inputs"]) -> Float[Tensor, "*rows outputs"]:
        """What is added to a module's output for an input."""
        return self.scale * ((x @ self.down[name].to(x.dtype).T) @ self.up[name].to(x.dtype).T)

    def _hook(self, name: str, quiet: int) -> Hook:
        def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            delta = self.delta(name, inputs[0][quiet:])
            return (
                output + delta if not quiet else torch.cat([output[:quiet], output[quiet:] + delta])
            )

        return add


def _shape(module: nn.Module) -> tuple[int, int]:
    """(inputs, outputs) of a projection."""
    rows, columns = module.get_parameter("weight").shape
    return (rows, columns) if isinstance(module, Conv1D) else (columns, rows)


@dataclass(frozen=True)
class Weights:
    """How fast weights begin and how fast they move: rank, scale, and AdamW's rate."""

    rank: int = 32
    scale: float = 2.0
    rate: float = 3e-3

    kind = "weights"

    def init(self, body: Body, tokens: Tensor, seed: int) -> FastWeights:
        """Random `down`, zero `up`: a state that says nothing yet. fp32; `tokens` are not used."""
        if self.rank < 1:
            raise UserError(f"rank={self.rank}: must be at least 1")
        g = torch.Generator().manual_seed(seed)
        down, up = {}, {}
        for name, module in body.sites.items():
            inputs, outputs = _shape(module)
            device = module.get_parameter("weight").device
            down[name] = (torch.randn(self.rank, inputs, generator=g) / math.sqrt(inputs)).to(
                device
            )
            up[name] = torch.zeros(outputs, self.rank, device=device)
        return FastWeights(down, up, self.scale)
