"""The state of a native model by channel: parts of one stream's put into another's."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from torch import Tensor

from duotempo.flow.subject import ATTENTION, LATENT, MEMORY, TAILS
from duotempo.models.attention import KeysAndValues
from duotempo.models.blocks import BlockState
from duotempo.models.decoder import State
from duotempo.models.latent import Thought
from duotempo.models.latent_attention import Thoughts
from duotempo.models.mac import Segment
from duotempo.models.memory import MemoryState

SEEN = ("keys", "values", "recalled_keys", "recalled_values", "valid")


def memory_of(index: int) -> str:
    """The channel of the memory in a block."""
    return f"{MEMORY}{index}"


def merged(own: Any, donor: Any, channels: Collection[str]) -> Any:
    """A state with the parts of some channels from a donor's; the position goes with attention.

    Of a state that thinks, the open segment goes with attention, the posterior with the latents.
    """
    blocks = tuple(
        BlockState(
            tuple(_part(a, b, channels, index) for a, b in zip(x.parts, y.parts, strict=True)),
            y.tails if TAILS in channels else x.tails,
        )
        for index, (x, y) in enumerate(zip(own.blocks, donor.blocks, strict=True))
    )
    seen = ATTENTION in channels
    found = replace(own, position=donor.position if seen else own.position, blocks=blocks)
    if not isinstance(own, Thought):
        return found
    return replace(
        found,
        posterior=donor.posterior if LATENT in channels else own.posterior,
        before=merged(own.before, donor.before, channels),
        tokens=donor.tokens if seen else own.tokens,
    )


def emptied(own: Any, new: Any, channels: Collection[str]) -> Any:
    """A state with some parts as in a new stream's, at the position where it was."""
    found = replace(merged(own, new, channels), position=own.position)
    if not isinstance(own, Thought):
        return found
    return replace(found, before=replace(found.before, position=own.before.position))


def _part(own: Any, donor: Any, channels: Collection[str], index: int) -> Any:
    """A part of a block's state."""
    if isinstance(own, KeysAndValues):
        return donor if ATTENTION in channels else own
    if isinstance(own, Thoughts):
        return donor if LATENT in channels else own
    if isinstance(own, Tensor):
        return donor if TAILS in channels else own
    if isinstance(own, MemoryState):
        short = donor if TAILS in channels else own
        long = donor if memory_of(index) in channels else own
        return MemoryState(long.rule, short.tails, short.last)
    assert isinstance(own, Segment), f"a part of an unknown kind: {type(own).__name__}"
    near = donor if ATTENTION in channels else own
    return replace(
        own,
        **{name: getattr(near, name) for name in SEEN},
        before=_part(own.before, donor.before, channels, index),
        now=_part(own.now, donor.now, channels, index),
        tails=donor.tails if TAILS in channels else own.tails,
    )


def channels_of(state: State) -> tuple[str, ...]:
    """The channels that have a part in a state: attention, tails, each memory, latents."""
    found = {name for index, block in enumerate(state.blocks) for name in _channels(block, index)}
    memories = [memory_of(i) for i in range(len(state.blocks)) if memory_of(i) in found]
    rest = [name for name in (ATTENTION, TAILS, LATENT) if name in found]
    return (*rest[:2], *memories, *rest[2:]) if LATENT in rest else (*rest, *memories)


def _channels(block: BlockState, index: int) -> Iterator[str]:
    tails = list(block.tails)
    for part in block.parts:
        if isinstance(part, KeysAndValues | Segment):
            yield ATTENTION
        if isinstance(part, Thoughts):
            yield LATENT
        if isinstance(part, Tensor):
            tails.append(part)
        memory = part.now if isinstance(part, Segment) else part
        if isinstance(memory, MemoryState):
            yield memory_of(index)
            tails += [memory.last, *(tail for each in memory.tails for tail in each)]
    if any(tail.numel() for tail in tails):
        yield TAILS
