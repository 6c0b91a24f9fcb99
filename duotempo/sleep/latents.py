"""Fast latents: fitted keys and values that stand before the sequence in the upper layers."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor
from transformers import DynamicCache

from duotempo.core import UserError
from duotempo.models.body import CACHE, Body, KeyValues, Split


@dataclass(frozen=True)
class FastLatents:
    """Keys and values by layer index, each [1, heads, slots, key], before the first token."""

    keys: Mapping[int, Float[Tensor, "1 heads slots key"]]
    values: Mapping[int, Float[Tensor, "1 heads slots key"]]

    kind = "latents"

    @property
    def slots(self) -> Mapping[int, KeyValues]:
        """Extra keys and values, by layer index."""
        return {layer: (self.keys[layer], self.values[layer]) for layer in self.keys}

    @property
    def tensors(self) -> dict[str, Tensor]:
        """Every tensor of the state under a flat name."""
        keys = {f"keys.{layer}": t for layer, t in self.keys.items()}
        return keys | {f"values.{layer}": t for layer, t in self.values.items()}

    def replaced(self, tensors: Mapping[str, Tensor]) -> "FastLatents":
        """The same state with other tensors, named as in `tensors`."""
        parts: dict[str, dict[int, Tensor]] = {"keys": {}, "values": {}}
        for name, tensor in tensors.items():
            part, layer = name.split(".")
            parts[part][int(layer)] = tensor
        return FastLatents(parts["keys"], parts["values"])

    def attached(self, body: Body, quiet: int = 0) -> contextlib.AbstractContextManager[None]:
        """Nothing to attach: a body reads the slots itself."""
        return contextlib.nullcontext()


@dataclass(frozen=True)
class Latents:
    """How fast latents begin and how fast they move: slots a layer, and AdamW's rate."""

    count: int = 256
    rate: float = 1e-1

    kind = "latents"

    @torch.no_grad()
    def init(self, body: Body, tokens: Tensor, seed: int) -> FastLatents:
        """Start from the keys and values of the first `count` of `tokens`, before position 0."""
        if not isinstance(body, Split):
            raise UserError("this model is run whole and takes no latents: use fast='weights'")
        if self.count < 1:
            raise UserError(f"count={self.count}: must be at least 1")
        ids = tokens[None, : self.count]
        cache = DynamicCache()
        h = body.trunk(ids)
        places = torch.arange(-ids.shape[1], 0, device=h.device)[None]
        rotary = body.base.rotary_emb(h, places)
        for layer in body.base.layers[body.lower :]:
            h = layer(h, attention_mask=None, position_embeddings=rotary, **{CACHE: cache})
        found = range(body.lower, len(body.base.layers))
        stored = {i: cast(Any, cache.layers[i]) for i in found}
        return FastLatents(
            {i: layer.keys.float().clone() for i, layer in stored.items()},
            {i: layer.values.float().clone() for i, layer in stored.items()},
        )
