"""A causal language model as trunk, upper layers and head: what never changes is computed once."""

import contextlib
import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, cast, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import DynamicCache, LlamaModel, PreTrainedModel

from duotempo.core import UserError
from duotempo.models.sites import find_layers, find_sites

KeyValues = tuple[Float[Tensor, "1 heads slots key"], Float[Tensor, "1 heads slots key"]]
# transformers 5.24 gave the argument that takes a cache another name
CACHE = (
    "cache" if "cache" in inspect.signature(LlamaModel.forward).parameters else "past_key_values"
)


@runtime_checkable
class Memory(Protocol):
    """A fast state as a body sees it: deltas on modules, or slots before the keys and values."""

    @property
    def slots(self) -> Mapping[int, KeyValues]:
        """Extra keys and values, by layer index; empty for a state that has none."""
        ...

    def attached(self, body: "Body", quiet: int) -> contextlib.AbstractContextManager[None]:
        """Within: the state speaks in every row of a batch but the first `quiet` ones."""
        ...


@dataclass
class Past:
    """Caches of a decoding in progress, one for the trunk and one for the upper layers."""

    trunk: DynamicCache = field(default_factory=DynamicCache)
    upper: DynamicCache = field(default_factory=DynamicCache)
    length: int = 0


@runtime_checkable
class Body(Protocol):
    """What sleeping and decoding ask of a model; `lower` layers of it never see a fast state."""

    lower: int
    sites: dict[str, nn.Module]
    head: Float[Tensor, "vocab width"] | None

    def trunk(self, ids: Int[Tensor, "batch time"], past: Past | None = None) -> Tensor:
        """What enters the upper layers: hidden states, or the ids themselves."""
        ...

    def upper(
        self, x: Tensor, memory: Memory | None = None, past: Past | None = None, quiet: int = 0
    ) -> Tensor:
        """What enters the head. With `past`, goes on after it and moves it on."""
        ...

    def logits(self, y: Tensor) -> Float[Tensor, "*rows vocab"]:
        """Next-token scores in fp32."""
        ...


class Split:
    """A Llama-shaped model driven layer by layer; the trunk is the layers below `lower`."""

    def __init__(self, model: PreTrainedModel, lower: int) -> None:
        self.model, self.lower = model, lower
        self.base: Any = model.base_model  # its parts are checked by `_is_plain`, not by types
        self.project = cast(Any, model.get_output_embeddings())
        self.sites = find_sites(model, lower)
        biased = self.project.bias is not None  # the fused loss knows a plain product only
        self.head: Float[Tensor, "vocab width"] | None = None if biased else self.project.weight

    def trunk(self, ids: Int[Tensor, "batch time"], past: Past | None = None) -> Tensor:
        h = self.base.embed_tokens(ids.to(self.model.device))
        return self._run(h, range(self.lower), past.trunk if past else None, past, None)

    def upper(
        self, x: Tensor, memory: Memory | None = None, past: Past | None = None, quiet: int = 0
    ) -> Tensor:
        slots = memory.slots if memory else {}
        cache = past.upper if past else (DynamicCache() if slots else None)
        if cache is not None and slots and not cache.get_seq_length(self.lower):
            for layer, (k, v) in slots.items():
                room = (x.shape[0], -1, -1, -1)
                cache.update(k.to(x.dtype).expand(room), v.to(x.dtype).expand(room), layer)
        count = next(iter(slots.values()))[0].shape[2] if slots else 0
        hidden = _hidden_slots(x.shape[0], count, quiet, x.device) if count else None
        with memory.attached(self, quiet) if memory else contextlib.nullcontext():
            layers = range(self.lower, len(self.base.layers))
            y = self.base.norm(self._run(x, layers, cache, past, hidden))
        if past:
            past.length += x.shape[1]
        return y

    def logits(self, y: Tensor) -> Float[Tensor, "*rows vocab"]:
        return self.project(y).float()

    def _run(
        self,
        h: Tensor,
        layers: range,
        cache: DynamicCache | None,
        past: Past | None,
        hidden: Bool[Tensor, "batch slots"] | None,
    ) -> Tensor:
        start, time = past.length if past else 0, h.shape[1]
        places = torch.arange(start, start + time, device=h.device)[None]
        rotary = self.base.rotary_emb(h, places)
        mask = _mask(h.shape[0], start, time, hidden, h.device)
        for index in layers:
            h = self.base.layers[index](
                h, attention_mask=mask, position_embeddings=rotary, **{CACHE: cache}
            )
        return h


def _hidden_slots(
    batch: int, count: int, quiet: int, device: torch.device
) -> Bool[Tensor, "batch slots"]:
    """True where a row must not see the slots."""
    return (torch.arange(batch, device=device) < quiet)[:, None].expand(batch, count)


def _mask(
    batch: int,
    start: int,
    time: int,
    hidden: Bool[Tensor, "batch slots"] | None,
    device: torch.device,
) -> Bool[Tensor, "batch 1 time keys"] | None:
    """Causal mask over slots, past and present; None where attention's own causal rule will do."""
    if hidden is None and (start == 0 or time == 1):
        return None
    keys = torch.arange(start + time, device=device)
    seen = keys <= torch.arange(start, start + time, device=device)[:, None]
    seen = seen.expand(batch, 1, time, start + time)
    if hidden is None:
        return seen
    slots = (~hidden)[:, None, None, :].expand(batch, 1, time, hidden.shape[1])
    return torch.cat([slots, seen], dim=-1)


class Whole:
    """Any other causal model, run whole with hooks on its MLPs: slower, and without slots."""

    def __init__(self, model: PreTrainedModel, sites: dict[str, nn.Module]) -> None:
        self.model, self.lower, self.sites = model, 0, sites
        self.head: Float[Tensor, "vocab width"] | None = None

    def trunk(self, ids: Int[Tensor, "batch time"], past: Past | None = None) -> Tensor:
        return ids.to(self.model.device)

    def upper(
        self, x: Tensor, memory: Memory | None = None, past: Past | None = None, quiet: int = 0
    ) -> Tensor:
        if memory and memory.slots:
            raise UserError(
                f"{type(self.model).__name__} is run whole and takes no latents: use fast='weights'"
            )
        with memory.attached(self, quiet) if memory else contextlib.nullcontext():
            cache = past.upper if past else None
            y = self.model(x, use_cache=cache is not None, **{CACHE: cache}).logits
        if past:
            past.length += x.shape[1]
        return y

    def logits(self, y: Tensor) -> Float[Tensor, "*rows vocab"]:
        return y.float()


def open_body(model: PreTrainedModel, share: float = 0.5) -> Body:
    """Split `model` below the upper `share` of its layers; run it whole if it is not Llama-shaped.

    `share` 0 is for no fast state at all, and asks nothing of the layers. A split is taken only
    when it gives the model's own logits on a probe. Raises `UserError` when no layers or no MLP
    projections are found, or the model does not go on from a cache.
    """
    if not share:
        return _going_on(Whole(model, {}))
    _, layers = find_layers(model)
    lower = round(len(layers) * (1 - share))
    if _is_plain(model):
        body = Split(model, lower)
        if _agrees(body):
            return body
    return _going_on(Whole(model, find_sites(model, lower)))


def _is_plain(model: PreTrainedModel) -> bool:
    parts = ("embed_tokens", "layers", "rotary_emb", "norm")
    kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
    sliding = getattr(model.config, "sliding_window", None)
    has_parts = all(part in dict(model.base_model.named_children()) for part in parts)
    return has_parts and kinds == {"full_attention"} and not sliding


@torch.no_grad()
def _agrees(body: Split) -> bool:
    ids = _probe(body.model)
    try:
        mine = body.logits(body.upper(body.trunk(ids)))
    except (TypeError, AttributeError, RuntimeError, ValueError, LookupError):
        return False  # its layers want other arguments: the whole path asks for none
    return _close(mine, body.model(ids).logits)


@torch.no_grad()
def _going_on(body: Whole) -> Whole:
    """The body, if it may be stopped and gone on with; a recurrent model drops an unknown cache."""
    ids, past = _probe(body.model), Past()
    parts = [body.logits(body.upper(body.trunk(part), past=past)) for part in ids.split(4, dim=1)]
    if not _close(torch.cat(parts, dim=1), body.model(ids).logits):
        raise UserError(
            f"{type(body.model).__name__} does not go on from a cache of keys and values: "
            "choose a model with attention in every layer"
        )
    return body


def _probe(model: PreTrainedModel) -> Int[Tensor, "1 time"]:
    return torch.arange(1, 9, device=model.device)[None] % model.config.vocab_size


def _close(mine: Tensor, theirs: Tensor) -> bool:
    theirs = theirs.float()
    return torch.allclose(mine, theirs, rtol=1e-2, atol=1e-2 * theirs.abs().max().item())
