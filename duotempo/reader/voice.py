"""A model with a fast state, as flow sees it: what the fast state writes is told from the rest."""

import contextlib
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel

from duotempo.flow.huggingface import Cached, HuggingFace
from duotempo.flow.layers import Anatomy, Layer, Writer
from duotempo.flow.subject import ATTENTION, LATENT, MEMORY, MIXED, Ids, Place
from duotempo.flow.taps import Call
from duotempo.models.body import CACHE, Body, KeyValues, Split
from duotempo.models.sites import Hook, hooked
from duotempo.sleep.passes import FastState
from duotempo.sleep.weights import FastWeights

FAST = f"{MEMORY}fast"
"""The store of fast weights."""
CHANNELS = {"weights": FAST, "latents": LATENT}
"""The channel of each kind of fast state."""


class Voice(HuggingFace):
    """A body's model that speaks with the fast state it is lent; without one it is untouched.

    Fast weights write what the MLP they sit in gives with them less what it gives without, for the
    same input. Latents write what attention takes from their values, with its scores as they are.
    Where a norm or the like stands between the module and the stream there is no such sum, and the
    write is `mixed`.
    """

    def __init__(self, model: PreTrainedModel, body: Body, fast: str) -> None:
        self.body, self.fast = body, fast
        self._memory: FastState | None = None
        self._muted = False
        super().__init__(model)

    @contextlib.contextmanager
    def lent(self, memory: FastState | None) -> Iterator[None]:
        """Within: it speaks with this fast state."""
        before, self._memory = self._memory, memory
        try:
            yield
        finally:
            self._memory = before

    def _anatomy_of(self, model: PreTrainedModel) -> Anatomy:
        found = super()._anatomy_of(model)
        layers = [self._touched(index, layer) for index, layer in enumerate(found.layers)]
        return replace(found, layers=tuple(layers))

    def _touched(self, index: int, layer: Layer) -> Layer:
        """A layer with a place for what the fast state writes there."""
        parts = set(layer.module.modules())
        sites = {module for module in self.body.sites.values() if module in parts}
        if self.fast not in CHANNELS or not sites or not layer.writers:
            return layer
        at = {"latents": 0, "weights": 1}[self.fast]
        writer, beside = layer.writers[at], Place(f"{index}.{self.fast}", CHANNELS[self.fast])
        if at:
            a_sum = sites <= set(writer.module.modules()) - {writer.module}
        else:
            a_sum = CACHE in inspect.signature(writer.module.forward).parameters
        told = (
            replace(writer, beside=beside)
            if a_sum
            else replace(writer, place=replace(writer.place, channel=MIXED))
        )
        writers = (*layer.writers[:at], told, *layer.writers[at + 1 :])
        return replace(layer, writers=writers)

    def _parts_of(
        self, writer: Writer, out: Float[Tensor, "time width"], call: Call
    ) -> tuple[Float[Tensor, "time width"], ...]:
        """What the module's own weights give, and what comes of the fast state."""
        if writer.beside is None:
            return (out,)
        if self._memory is None:
            return out, torch.zeros_like(out)
        own = self._alone(writer.module, call)
        return own, out - own

    def _alone(self, module: nn.Module, call: Call) -> Float[Tensor, "time width"]:
        """What a module gives for the same input when the fast state says nothing."""
        named = dict(call.named)
        if CACHE in named:
            named[CACHE] = _Silent(named[CACHE], _count(cast(FastState, self._memory).slots))
        self._muted = True
        try:
            out = module.forward(*call.args, **named)
        finally:
            self._muted = False
        return (out if isinstance(out, Tensor) else out[0])[0]

    def _forward(self, tokens: Ids, state: Cached) -> tuple[Tensor, Cached]:
        memory = self._memory
        if memory is not None and memory.slots:
            return self._behind(memory.slots, tokens, state)
        deltas: dict[nn.Module, Hook] = {}
        if isinstance(memory, FastWeights):
            deltas = {self.body.sites[name]: self._hook(memory, name) for name in memory.down}
        with hooked(deltas):
            return super()._forward(tokens, state)

    def _hook(self, memory: FastWeights, name: str) -> Hook:
        def add(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            return output if self._muted else output + memory.delta(name, inputs[0])

        return add

    def _behind(
        self, slots: Mapping[int, KeyValues], tokens: Ids, state: Cached
    ) -> tuple[Tensor, Cached]:
        """A run with extra keys and values before the text in the upper layers, as `Split` has
        them; the cache that is given and the one that comes back are without them."""
        body, count = cast(Split, self.body), _count(slots)
        visible = torch.cat((state.visible, torch.ones(len(tokens), dtype=torch.bool)))
        self._fits(len(visible))
        h = body.base.embed_tokens(tokens[None].to(self.model.device))
        cache = _cache(state.cache, slots, h.dtype)
        places = torch.arange(len(state.visible), len(visible), device=h.device)
        rotary = body.base.rotary_emb(h, places[None])
        seen = visible.to(h.device) & (
            torch.arange(len(visible), device=h.device) <= places[:, None]
        )
        mask = torch.zeros_like(seen, dtype=h.dtype).masked_fill(~seen, torch.finfo(h.dtype).min)
        wide = nn.functional.pad(mask, (count, 0))
        for index, layer in enumerate(body.base.layers):
            own = wide if index in slots else mask
            h = layer(
                h, attention_mask=own[None, None], position_embeddings=rotary, **{CACHE: cache}
            )
        logits = body.logits(body.base.norm(h))[0]
        for index in slots:
            held = cast(Any, cache.layers[index])
            held.keys, held.values = (t[:, :, count:].clone() for t in (held.keys, held.values))
        return logits, Cached(cache, visible)


class _Silent:
    """A cache as attention left it, the values of its first slots set to zero: asked once more, it
    adds nothing to itself."""

    def __init__(self, cache: Any, count: int) -> None:
        self._cache, self._count = cache, count

    def update(self, keys: Tensor, values: Tensor, index: int, *_: Any) -> tuple[Tensor, Tensor]:
        """Keys and values of a layer."""
        layer = self._cache.layers[index]
        silent = layer.values.clone()
        silent[:, :, : self._count] = 0
        return layer.keys, silent


def _count(slots: Mapping[int, KeyValues]) -> int:
    """How many slots a layer has."""
    return next(iter(slots.values()))[0].shape[2] if slots else 0


def _cache(seen: Any, slots: Mapping[int, KeyValues], dtype: torch.dtype) -> DynamicCache:
    """Slots and then what attention has seen, layer by layer."""
    cache = DynamicCache()
    for index, layer in enumerate(seen.layers):
        if index in slots:
            keys, values = slots[index]
            cache.update(keys.to(dtype), values.to(dtype), index)
        if layer.get_seq_length():
            cache.update(layer.keys, layer.values, index)
    return cache


def channels(fast: str) -> tuple[str, ...]:
    """The channels that have a part of a reader's state."""
    return (ATTENTION, *([CHANNELS[fast]] if fast in CHANNELS else []))
