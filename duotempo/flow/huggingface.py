"""Any Hugging Face causal language model as a subject: its cache is the state, its layers write."""

import copy
import inspect
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel, PreTrainedTokenizerBase
from transformers.pytorch_utils import Conv1D

from duotempo.core import UserError
from duotempo.flow.facts import Encode
from duotempo.flow.layers import Anatomy, Writer, anatomy
from duotempo.flow.subject import (
    ATTENTION,
    EMBED,
    MEMORY,
    Change,
    Final,
    Ids,
    Place,
    Trace,
)
from duotempo.flow.taps import After, Before, Call, tapped
from duotempo.models.body import CACHE
from duotempo.models.pretrained import Pretrained
from duotempo.models.sites import MLP_NAMES, find_layers

RECURRENT = f"{MEMORY}recurrent"
"""The store of models whose layers carry a recurrent state beside keys and values, or instead."""


LOST, LOST_IN_HALF = 0.01, 0.2
"""How far a text read in parts may be from the same text read at once, of how far its end alone is
from it: in single precision, in half. Rounding in deep models is far less."""


@dataclass(frozen=True)
class Cached:
    """A cache as the model left it, which is copied and never written to, and which of its tokens
    may be seen."""

    cache: Any
    visible: Bool[Tensor, " past"]


class HuggingFace:
    """A causal language model as `Subject`.

    `start` are tokens at the beginning of every text, which a knock-out leaves in view: attention
    that finds nothing where it used to rest goes astray (Xiao et al. 2023, attention sinks). The
    model is put into evaluation mode. Raises `UserError` for one whose stream is not found.
    """

    def __init__(self, model: PreTrainedModel, start: Sequence[int] = ()) -> None:
        self.model: Any = model.eval()
        self.start = torch.tensor(list(start), dtype=torch.long)
        takes = inspect.signature(model.forward).parameters
        self._positions = "position_ids" in takes
        names = [name for name in (CACHE, "cache_params") if name in takes]
        if not names:
            raise UserError(
                f"{type(model).__name__} takes no cache, so what it read would be lost: give "
                "another model"
            )
        self._cache = names[0]
        config = model.config.get_text_config()
        limit = getattr(config, "max_position_embeddings", None)
        self._limit = limit if isinstance(limit, int) and limit > 0 else None
        none = torch.zeros(0, dtype=torch.bool)
        new = Cached(DynamicCache(config=model.config), none)
        recurrent = [_is_recurrent(layer) for layer in self._went_on(new).cache.layers]
        self._empty = self.read(self.start, new)
        self._parts = _labelled(self._anatomy_of(model), recurrent)
        inner = [place for layer in self._parts.layers for place in layer.places]
        self.places: tuple[Place, ...] = (Place(EMBED, EMBED), *inner)
        attention = () if all(recurrent) else (ATTENTION,)
        self.stores: tuple[str, ...] = (*attention, *([RECURRENT] if any(recurrent) else []))

    @property
    def final(self) -> Final:
        """Norm and head."""
        return self._parts.final

    def empty(self) -> Cached:
        """Behind the start tokens."""
        return self._empty

    @torch.no_grad()
    def read(self, tokens: Ids, state: Cached) -> Cached:
        """The cache after some tokens."""
        return self._forward(tokens, state)[1] if len(tokens) else state

    def run(self, tokens: Ids, state: Cached, change: Change | None = None) -> Trace:
        """Tokens read after a cache, every write recorded; gradients flow where they are asked."""
        streams: list[Tensor] = []
        before: dict[nn.Module, Before] = {}
        after: dict[nn.Module, After] = {}
        for index, layer in enumerate(self._parts.layers):
            if not index:
                before[layer.module] = self._entered(streams, change)
            for writer in layer.writers:
                last = writer is layer.writers[-1]
                after[writer.module] = self._written(streams, writer, change, last)
            after[layer.module] = _left(streams)
        with tapped(before, after):
            logits, state = self._forward(tokens, state)
        return Trace(self.places, logits, torch.stack(streams), state)

    def outlet(self, place: str) -> nn.Module:
        """The last projection to the stream's width in the layer's MLP; raises `UserError`."""
        _, layers = find_layers(self.model)
        index, width = int(place.partition(".")[0]), self.final.weight.shape[1]
        found = [
            module
            for name, module in layers[index].named_modules()
            if name.split(".")[0] in MLP_NAMES and _gives(module) == width
        ]
        if not found:
            raise UserError(
                f"layer {index} of {type(self.model).__name__} has no MLP projection that flow "
                "knows: edit context or stores"
            )
        return found[-1]

    @torch.no_grad()
    def rebuilt(self, streams: Float[Tensor, "write time width"], state: Cached) -> Cached:
        """The cache of tokens whose streams are known: each layer sees the stream it saw then, and
        the tokens themselves are not asked."""
        time, at = streams.shape[1], 0
        if not time:
            return state
        before: dict[nn.Module, Before] = {}
        for layer in self._parts.layers:
            before[layer.module] = _shown(streams[at][None])
            at += len(layer.places)
        with tapped(before, {}):
            return self._forward(torch.zeros(time, dtype=torch.long), state)[1]

    @torch.no_grad()
    def unembed(self, streams: Float[Tensor, "rows width"]) -> Float[Tensor, "rows vocab"]:
        """Norm and head, and whatever else the model does to its logits."""
        if self._parts.plain or self._parts.norm is None:
            logits = self.final.norm(streams) @ self.final.weight.T
            return logits if self.final.bias is None else logits + self.final.bias
        with tapped({self._parts.norm: _shown(streams[None])}, {}):
            ids = torch.zeros(1, len(streams), dtype=torch.long, device=self.model.device)
            return self.model(ids, use_cache=False).logits[0]

    def swapped(self, state: Cached, donor: Cached, channels: Collection[str]) -> Cached:
        """Layers of one kind from the donor's cache; the view goes with attention."""
        cache = copy.deepcopy(state.cache)
        for index, layer in enumerate(donor.cache.layers):
            if (RECURRENT if _is_recurrent(layer) else ATTENTION) in channels:
                cache.layers[index] = copy.deepcopy(layer)
        return Cached(cache, donor.visible if ATTENTION in channels else state.visible)

    def zeroed(self, state: Cached, channels: Collection[str]) -> Cached:
        """Keys and values out of view, recurrent states as behind the start tokens."""
        if RECURRENT in channels:
            state = self.swapped(state, self._empty, [RECURRENT])
        if ATTENTION not in channels:
            return state
        kept = torch.arange(len(state.visible)) < len(self.start)
        return replace(state, visible=state.visible & kept)

    def _forward(self, tokens: Ids, state: Cached) -> tuple[Tensor, Cached]:
        past, device = len(state.visible), self.model.device
        total = past + len(tokens)
        self._fits(total)
        new = torch.ones(len(tokens), dtype=torch.bool)
        visible, more = torch.cat((state.visible, new)), {}
        if not bool(visible.all()):
            more["attention_mask"] = visible[None].long().to(device)
        if self._positions:
            more["position_ids"] = torch.arange(past, total, device=device)[None]
        cache = copy.deepcopy(state.cache)
        output = self.model(tokens[None].to(device), use_cache=True, **{self._cache: cache}, **more)
        return output.logits[0], Cached(cache, visible)

    @torch.no_grad()
    def _went_on(self, new: Cached) -> Cached:
        """The cache of a text read in two parts; raises `UserError` where that is not as if it were
        read at once: then nothing that was read would be known behind it."""
        name = type(self.model).__name__
        ids = torch.arange(1, 7) % self.model.config.get_text_config().vocab_size
        try:
            whole = self._forward(ids, new)[0][3:]
            alone, _ = self._forward(ids[3:], new)
            rest, state = self._forward(ids[3:], self._forward(ids[:3], new)[1])
        except Exception as error:  # a stranger's model may fail anywhere in there
            raise UserError(
                f"{name} cannot be read part by part ({type(error).__name__}): flow needs a model "
                "that goes on from a cache; give another one"
            ) from error
        off, lost = (float((logits - whole).abs().max()) for logits in (rest, alone))
        if off > lost * (LOST_IN_HALF if whole.dtype.itemsize < 4 else LOST):
            raise UserError(
                f"{name} does not go on from a cache by several tokens as if it had read all at "
                "once, so what it read would be lost: give another model"
            )
        return state

    def _fits(self, tokens: int) -> None:
        if self._limit is not None and tokens > self._limit:
            raise UserError(
                f"document and question are {tokens} tokens and the model sees {self._limit}: "
                "give shorter documents"
            )

    def _anatomy_of(self, model: PreTrainedModel) -> Anatomy:
        return anatomy(model)

    def _entered(self, streams: list[Tensor], change: Change | None) -> Before:
        """The tap on the first layer, behind the embedding."""

        def tap(x: Tensor) -> Tensor | None:
            new = x[0] if change is None else change(self.places[0], x[0])
            streams.append(new)
            return None if change is None else new[None]

        return tap

    def _written(
        self, streams: list[Tensor], writer: Writer, change: Change | None, last: bool
    ) -> After:
        """The tap on a writer: what it adds may be changed; the stream behind each of its places is
        noted, but for the layer's last, behind which is the layer's own output."""

        def tap(out: Tensor, call: Call) -> Tensor | None:
            writes = [writer.factor * part for part in self._parts_of(writer, out[0], call)]
            if change is not None:
                pairs = zip(writer.places, writes, strict=True)
                writes = [change(place, write) for place, write in pairs]
            for write in writes[: len(writes) - last]:
                streams.append(streams[-1] + write)
            return None if change is None else (sum(writes[1:], writes[0]) / writer.factor)[None]

        return tap

    def _parts_of(
        self, writer: Writer, out: Float[Tensor, "time width"], call: Call
    ) -> tuple[Float[Tensor, "time width"], ...]:
        """What a module gave, in parts for the writer's places."""
        return (out,)


def _gives(module: nn.Module) -> int:
    """How many numbers a projection gives; 0 for what is none."""
    if isinstance(module, nn.Linear):
        return module.out_features
    return int(module.nf) if isinstance(module, Conv1D) else 0


def _is_recurrent(layer: Any) -> bool:
    """Whether a layer of a cache carries something else than keys and values."""
    return hasattr(layer, "recurrent_states") or hasattr(layer, "conv_states")


def _labelled(found: Anatomy, recurrent: Sequence[bool]) -> Anatomy:
    """The layers that read a recurrent state, whatever they call it, write what the store says."""
    if len(recurrent) != len(found.layers):
        return found
    layers = []
    for layer, fades in zip(found.layers, recurrent, strict=True):
        if fades and layer.writers:
            first, *rest = layer.writers
            first = replace(first, place=replace(first.place, channel=RECURRENT))
            layer = replace(layer, writers=(first, *rest))
        layers.append(layer)
    return replace(found, layers=tuple(layers))


def _left(streams: list[Tensor]) -> After:
    def tap(out: Tensor, _: Any) -> None:
        streams.append(out[0])

    return tap


def _shown(rows: Tensor) -> Before:
    """A tap that puts known rows in the place of whatever comes."""
    return lambda x: rows.to(x)


def encoder(tokenizer: PreTrainedTokenizerBase) -> Encode:
    """Token ids of a text and nothing else."""
    return lambda text: tokenizer.encode(text, add_special_tokens=False)


def opened(known: Pretrained) -> HuggingFace:
    """A loaded model as a subject; texts begin with its begin token, or its end token when it has
    no other."""
    ends = (known.tokenizer.bos_token_id, known.tokenizer.eos_token_id)
    start = next((token for token in ends if isinstance(token, int)), None)
    return HuggingFace(known.model, () if start is None else (start,))
