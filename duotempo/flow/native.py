"""A native model as a subject: memories are stores, persistent tokens and latents are slots."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call

from duotempo.flow.native_state import channels_of, emptied, memory_of, merged
from duotempo.flow.subject import (
    ATTENTION,
    EMBED,
    LATENT,
    MIXED,
    PERSISTENT,
    WEIGHTS,
    Change,
    Final,
    Ids,
    Place,
    Trace,
)
from duotempo.flow.taps import After, Before, Call, tapped
from duotempo.models.attention import Attention
from duotempo.models.blocks import (
    AttentionBlock,
    Block,
    GateBlock,
    LatentBlock,
    LayerBlock,
    MemoryBlock,
)
from duotempo.models.decoder import Decoder, State
from duotempo.models.latent import LatentDecoder, Thought


@dataclass(frozen=True)
class Source:
    """A module whose output is added to the stream; of attention with persistent tokens, at two
    places."""

    module: nn.Module
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Inside:
    """A block, what its mixer is made of, and the places of it all. Where a mixer joins its parts
    by more than a sum it has no sources and one place, which is mixed."""

    block: Block
    sources: tuple[Source, ...]
    mixed: Place
    mlp: Place

    @property
    def places(self) -> tuple[Place, ...]:
        """From the bottom up."""
        found = tuple(place for source in self.sources for place in source.places)
        return (*(found or (self.mixed,)), self.mlp)


class Native:
    """A native decoder as `Subject`.

    `memory.N` is the fast state of the memory in block N. A model that joins attention and memory
    by a gate, or has the memory as context, adds them to the stream as one mixed write: shares of
    it are measured by swapping states, not summed. A model that thinks reads questions with the
    latents that the document left; it fits none while it is asked. It is put into evaluation mode.
    """

    def __init__(self, model: Decoder) -> None:
        self.model = model.eval()
        added = model.config.combine == "add"
        blocks = [cast(Block, block) for block in model.blocks]
        self._blocks = [_inside(index, block, added) for index, block in enumerate(blocks)]
        inner = [place for each in self._blocks for place in each.places]
        self.places: tuple[Place, ...] = (Place(EMBED, EMBED), *inner)
        self.stores: tuple[str, ...] = channels_of(model.init(1))

    @property
    def final(self) -> Final:
        """Norm and head."""
        return Final(self.model.norm, self.model.head.weight)

    def empty(self) -> State:
        """A stream that has not begun."""
        return self.model.init(1)

    @torch.no_grad()
    def read(self, tokens: Ids, state: State) -> State:
        """The state after some tokens; a model that thinks fits its latents on the way."""
        return self.model.read(self._rows(tokens), state) if len(tokens) else state

    def run(self, tokens: Ids, state: State, change: Change | None = None) -> Trace:
        """Tokens read after a state, every write recorded; gradients flow where they are asked."""
        recorder = _Recorder(self._blocks, change)
        with tapped(recorder.before, recorder.after):
            logits, after = self._forward(tokens, state)
        return Trace(self.places, logits, torch.stack(recorder.streams), after)

    def outlet(self, place: str) -> nn.Module:
        """The projection of the block's MLP."""
        return self._blocks[int(place.partition(".")[0])].block.mlp.down

    @torch.no_grad()
    def rebuilt(self, streams: Float[Tensor, "write time width"], state: State) -> State:
        """The state of tokens whose streams are known: each block sees the stream it saw then, and
        tokens are told by their embeddings."""
        if not streams.shape[1]:
            return state
        every = torch.arange(self.model.config.vocab, device=streams.device)
        rows = self.model.embedding(every[None])[0]
        tokens = torch.cdist(streams[0], rows).argmin(-1)
        before: dict[nn.Module, Before] = {}
        at = 0
        for each in self._blocks:
            before[each.block] = _shown(streams[at][None])
            at += len(each.places)
        with tapped(before, {}):
            return self._forward(tokens, state)[1]

    @torch.no_grad()
    def unembed(self, streams: Float[Tensor, "rows width"]) -> Float[Tensor, "rows vocab"]:
        """Norm and head."""
        return self.model.head(self.model.norm(streams))

    def swapped(self, state: State, donor: State, channels: Collection[str]) -> State:
        """Parts of one stream put into another."""
        return merged(state, donor, channels)

    def zeroed(self, state: State, channels: Collection[str]) -> State:
        """Parts of the state as if nothing had been read, at the same position."""
        return emptied(state, self.model.init(1), channels)

    def _forward(self, tokens: Ids, state: State) -> tuple[Tensor, State]:
        rows = self._rows(tokens)
        if isinstance(self.model, LatentDecoder) and isinstance(state, Thought):
            x, plain = self.model.run(rows, state)
            after: State = replace(
                state,
                position=plain.position,
                blocks=plain.blocks,
                tokens=torch.cat((state.tokens, rows), 1),
            )
        else:
            x, after = self.model.features(rows, state)
        return self.model.head(x)[0], after

    def _rows(self, tokens: Ids) -> Tensor:
        return tokens[None].to(self.model.embedding.weight.device)


def _inside(index: int, block: Block, added: bool) -> Inside:
    """A block's sources by its kind."""
    sources: tuple[Source, ...] = ()
    if isinstance(block, AttentionBlock):
        sources = (_attention(index, block.attention),)
    if isinstance(block, MemoryBlock):
        sources = (_memory(index, block.memory),)
    if isinstance(block, LatentBlock):
        latent = Source(block.latent, (Place(f"{index}.latent", LATENT),))
        sources = (_attention(index, block.attention), latent)
    if isinstance(block, GateBlock) and added:
        sources = (_attention(index, block.attention), _memory(index, block.memory))
    if isinstance(block, LayerBlock) and added:
        sources = (_memory(index, block.memory), _attention(index, block.attention))
    mixed = Place(f"{index}.mixer", MIXED, apart=False)
    return Inside(block, sources, mixed, Place(f"{index}.mlp", WEIGHTS))


def _attention(index: int, module: Attention) -> Source:
    own = Place(f"{index}.attention", ATTENTION)
    slots = (Place(f"{index}.persistent", PERSISTENT),) if module.persistent else ()
    return Source(module, (*slots, own))


def _memory(index: int, module: nn.Module) -> Source:
    return Source(module, (Place(f"{index}.memory", memory_of(index)),))


class _Recorder:
    """Taps that note the stream after each write of one run, and change writes on the way."""

    def __init__(self, blocks: list[Inside], change: Change | None) -> None:
        self.streams: list[Tensor] = []
        self.change: Change = change or (lambda place, write: write)
        self.before: dict[nn.Module, Before] = {}
        self.after: dict[nn.Module, After] = {}
        for index, each in enumerate(blocks):
            self.before[each.block] = self._entered if not index else _ignored
            for source in each.sources:
                self.after[source.module] = self._wrote(source.module, *source.places)
            self.before[each.block.norm_mlp] = self._mixed(bool(each.sources))
            self.after[each.block.mlp] = self._wrote(each.block.mlp, each.mlp)
            self.after[each.block] = self._left

    def _entered(self, x: Tensor) -> Tensor:
        self.streams.append(self.change(Place(EMBED, EMBED), x[0]))
        return self.streams[-1][None]

    def _wrote(self, module: nn.Module, *places: Place) -> After:
        busy: list[bool] = []

        def tap(out: Tensor, call: Call) -> Tensor | None:
            if busy:
                return None
            parts = [out]
            if len(places) > 1:
                busy.append(True)
                rest = _without(cast(Attention, module), call.args)
                busy.clear()
                parts = [out - rest, rest]
            writes = [
                self.change(place, part[0]) for place, part in zip(places, parts, strict=True)
            ]
            for write in writes:
                self.streams.append(self.streams[-1] + write)
            return sum(writes[1:], writes[0])[None]

        return tap

    def _mixed(self, known: bool) -> Before:
        def tap(x: Tensor) -> None:
            if known:  # the block's own sum, not one in another order
                self.streams[-1] = x[0]
            else:
                self.streams.append(x[0])

        return tap

    def _left(self, x: Tensor, _: Any) -> None:
        self.streams[-1] = x[0]


def _without(module: Attention, args: tuple[Any, ...]) -> Tensor:
    """An attention's output without what its persistent tokens add: it is linear in the values it
    mixes, so theirs are set to zero and the scores stay as they were."""
    prefix = module.prefix.clone()
    prefix[1] = 0
    return functional_call(module, {"prefix": prefix}, args)[0]


def _ignored(x: Tensor) -> None:
    """A tap that does nothing."""


def _shown(rows: Tensor) -> Callable[[Tensor], Tensor]:
    """A tap that puts known rows in the place of whatever comes."""
    return lambda x: rows.to(x)
