"""What flow measures: a model as writes into a stream, and a state with a part for each channel."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

EMBED = "embed"
ATTENTION = "attention"
WEIGHTS = "weights"
PERSISTENT = "persistent"
LATENT = "latent"
MEMORY = "memory."
"""How the channel of every store begins; what follows is the store's own name."""
TAILS = "tails"
"""A state without a write of its own: what short convolutions carry from token to token."""
MIXED = "mixed"
"""A write in which channels are joined by more than a sum, so that none has a share of it."""

Ids = Int[Tensor, " _"]


@dataclass(frozen=True)
class Place:
    """Where something is added to the stream: a name, the channel it belongs to, and whether it can
    be changed by itself."""

    name: str
    channel: str
    apart: bool = True


Change = Callable[[Place, Float[Tensor, "time width"]], Float[Tensor, "time width"]]
"""What is added to the stream instead; asked at every place that stands apart."""


@dataclass(frozen=True)
class Trace:
    """One run over some tokens: the logits after each (or after the last ones), the stream after
    each write from the bottom up (the first write is the embedding), and the state behind the last
    token."""

    places: tuple[Place, ...]
    logits: Float[Tensor, "last vocab"]
    streams: Float[Tensor, "write time width"]
    state: Any

    @property
    def writes(self) -> Float[Tensor, "write time width"]:
        """What each place added: differences of the stream, not the outputs of modules, so that
        norms behind a module and multipliers are in them."""
        return torch.cat((self.streams[:1], self.streams.diff(dim=0)))


@dataclass(frozen=True)
class Final:
    """The end of a model: its last norm, and the rows and the bias of its head."""

    norm: Callable[[Float[Tensor, "rows width"]], Float[Tensor, "rows width"]]
    weight: Float[Tensor, "vocab width"]
    bias: Float[Tensor, " vocab"] | None = None


@runtime_checkable
class Subject(Protocol):
    """A model as flow sees it: token ids in, writes and logits out. One text at a time.

    A state is a frozen value with a part for each channel in `stores`: to keep a copy is to keep
    the value. `attention` has what attention has seen (keys, values, positions), `memory.NAME` a
    store, `latent` fitted vectors, `tails` the ends of convolutions.
    """

    @property
    def places(self) -> tuple[Place, ...]:
        """Every write, from the bottom up; the first is the embedding."""
        ...

    @property
    def stores(self) -> tuple[str, ...]:
        """The channels that have a part of the state."""
        ...

    @property
    def final(self) -> Final:
        """The end of the model."""
        ...

    def empty(self) -> Any:
        """The state of a text that has not begun."""
        ...

    def read(self, tokens: Ids, state: Any) -> Any:
        """The state after some tokens, which may be none."""
        ...

    def run(self, tokens: Ids, state: Any, change: Change | None = None) -> Trace:
        """Tokens read after a state, with all that was written into the stream on the way."""
        ...

    def swapped(self, state: Any, donor: Any, channels: Collection[str]) -> Any:
        """The state with the parts of some channels taken from a donor's."""
        ...

    def zeroed(self, state: Any, channels: Collection[str]) -> Any:
        """The state with nothing in the parts of some channels; positions stay as they are. Of
        attention this is the knock-out of all that was read before."""
        ...

    def rebuilt(self, streams: Float[Tensor, "write time width"], state: Any) -> Any:
        """The state that tokens after `state` leave, made of the streams they had alone."""
        ...

    def unembed(self, streams: Float[Tensor, "rows width"]) -> Float[Tensor, "rows vocab"]:
        """The model's own way from a stream to logits. The norm is taken of each row as it is."""
        ...


def stores_of_memory(subject: Subject) -> tuple[str, ...]:
    """The channels of a subject that are stores."""
    return tuple(name for name in subject.stores if name.startswith(MEMORY))


def lasting(subject: Subject) -> tuple[str, ...]:
    """The channels with a part of the state that outlasts a text: stores, and latents."""
    return tuple(name for name in subject.stores if name.startswith(MEMORY) or name == LATENT)
