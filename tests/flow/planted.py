"""Planted models: built by hand, so that every number of every instrument is known beforehand.

A fact is a subject followed by an answer. The stream has a place for every token (the embedding),
two hidden places for every answer, and one for every answer that the head reads.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from duotempo.flow.subject import (
    ATTENTION,
    EMBED,
    MEMORY,
    TAILS,
    WEIGHTS,
    Change,
    Final,
    Place,
    Trace,
)

SUBJECTS, ANSWERS, FILLERS = 6, 4, 3
VOCAB = SUBJECTS + ANSWERS + FILLERS
STORE = f"{MEMORY}store"
ONE, TWO, OUT = VOCAB, VOCAB + ANSWERS, VOCAB + 2 * ANSWERS
WIDTH = VOCAB + 3 * ANSWERS
WINDOW = 6


def answer(index: int) -> int:
    """The token of an answer."""
    return SUBJECTS + index


def filler(index: int = 0) -> int:
    """A token that says nothing."""
    return SUBJECTS + ANSWERS + index


def ids(*tokens: int) -> Tensor:
    """Tokens as a tensor."""
    return torch.tensor(tokens, dtype=torch.long)


@dataclass(frozen=True)
class PlantedState:
    """What attention sees (the last tokens), the last token, and the store's table."""

    seen: tuple[int, ...] = ()
    last: tuple[int, ...] = ()
    table: Tensor = field(
        default_factory=lambda: torch.zeros(SUBJECTS, ANSWERS, dtype=torch.float64)
    )


@dataclass(frozen=True)
class Moment:
    """What a part may look at: the stream so far, what attention and store say of the token that
    stands there, and the tokens. All [time ...]."""

    stream: Tensor
    near: Tensor
    stored: Tensor
    tokens: Tensor


Part = Callable[[Moment], Tensor]


def put(values: Tensor, start: int) -> Tensor:
    """Values over the answers at a place in an otherwise empty write."""
    found = values.new_zeros(len(values), WIDTH)
    found[:, start : start + ANSWERS] = values
    return found


def taken(moment: Moment, start: int) -> Tensor:
    """What the stream holds at a place."""
    return moment.stream[:, start : start + ANSWERS]


def looked_up(what: str, start: int, gain: float) -> Part:
    """A write of what attention (`near`) or the store (`stored`) says of the token."""
    return lambda moment: put(gain * getattr(moment, what), start)


def known(table: Tensor, gain: float, start: int = OUT) -> Part:
    """A write of what weights say of the token."""

    def part(moment: Moment) -> Tensor:
        return put(gain * moment.stream[:, :SUBJECTS] @ table.double(), start)

    return part


def joined(rule: Callable[[Tensor, Tensor], Tensor], gain: float) -> Part:
    """A write that is a function of both hidden places."""
    return lambda moment: put(gain * rule(taken(moment, ONE), taken(moment, TWO)), OUT)


@dataclass(frozen=True)
class Planted:
    """A subject made of parts. `keys` are what the store writes under and reads by, one row a
    subject; `norm` is the last norm."""

    parts: tuple[tuple[str, str, Part], ...]
    keys: Tensor = field(default_factory=lambda: torch.eye(SUBJECTS, dtype=torch.float64))
    norm: Callable[[Tensor], Tensor] = lambda x: x
    cap: float | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        return (
            Place(EMBED, EMBED),
            *(Place(name, channel) for name, channel, _ in self.parts),
        )

    @property
    def stores(self) -> tuple[str, ...]:
        return (ATTENTION, TAILS, STORE)

    @property
    def final(self) -> Final:
        weight = torch.zeros(VOCAB, WIDTH, dtype=torch.float64)
        for index in range(ANSWERS):
            weight[answer(index), OUT + index] = 1
        return Final(self.norm, weight)

    def empty(self) -> PlantedState:
        return PlantedState()

    def read(self, tokens: Tensor, state: PlantedState) -> PlantedState:
        return self._through(tokens, state)[1]

    def _through(self, tokens: Tensor, state: PlantedState) -> tuple[list[Tensor], PlantedState]:
        """What attention and store say at each token, and the state at the end."""
        near, stored = [], []
        for token in tokens.tolist():
            table = state.table
            if state.last and state.last[0] < SUBJECTS and 0 <= token - SUBJECTS < ANSWERS:
                key, value = self.keys[state.last[0]], torch.zeros(ANSWERS, dtype=torch.float64)
                value[token - SUBJECTS] = 1
                table = table + torch.outer(key, value)
            state = PlantedState((*state.seen, token)[-WINDOW:], (token,), table)
            near.append(_near(state.seen, token))
            query = self.keys[token] if token < SUBJECTS else torch.zeros(SUBJECTS).double()
            stored.append(query @ table)
        empty = torch.zeros(0, ANSWERS, dtype=torch.float64)
        return [torch.stack(x) if x else empty for x in (near, stored)], state

    def run(self, tokens: Tensor, state: PlantedState, change: Change | None = None) -> Trace:
        (near, stored), after = self._through(tokens, state)
        stream = torch.zeros(len(tokens), WIDTH, dtype=torch.float64)
        written = torch.nn.functional.one_hot(tokens, WIDTH).double()
        streams = []
        for index, place in enumerate(self.places):
            if index:
                written = self.parts[index - 1][2](Moment(stream, near, stored, tokens))
            stream = stream + (change(place, written) if change else written)
            streams.append(stream)
        return Trace(self.places, self.unembed(stream), torch.stack(streams), after)

    def swapped(
        self, state: PlantedState, donor: PlantedState, channels: Collection[str]
    ) -> PlantedState:
        fields = {ATTENTION: "seen", TAILS: "last", STORE: "table"}
        return replace(state, **{fields[c]: getattr(donor, fields[c]) for c in channels})

    def zeroed(self, state: PlantedState, channels: Collection[str]) -> PlantedState:
        return self.swapped(state, PlantedState(), channels)

    def rebuilt(self, streams: Tensor, state: PlantedState) -> PlantedState:
        return self.read(streams[0][:, :VOCAB].argmax(-1), state)

    def unembed(self, streams: Tensor) -> Tensor:
        logits = self.norm(streams) @ self.final.weight.T
        return logits if self.cap is None else self.cap * torch.tanh(logits / self.cap)


def _near(seen: tuple[int, ...], token: int) -> Tensor:
    """What the window says of a subject: one on the answer that last followed it."""
    found = torch.zeros(ANSWERS, dtype=torch.float64)
    for a, b in zip(seen[-2::-1], seen[:0:-1], strict=True):
        if a == token < SUBJECTS and 0 <= b - SUBJECTS < ANSWERS:
            found[b - SUBJECTS] = 1
            return found
    return found


def rms(x: Tensor) -> Tensor:
    """A norm that is scaled by what the stream is."""
    return x * x.square().mean(-1, keepdim=True).add(1e-6).rsqrt() * 1.5


TABLE = torch.nn.functional.one_hot(torch.arange(SUBJECTS) % ANSWERS, ANSWERS)
"""What weights know: subject s has the answer s mod 4."""

SINGLE: Mapping[str, Planted] = {
    "near": Planted((("look", ATTENTION, looked_up("near", OUT, 8.0)),)),
    "far": Planted((("recall", STORE, looked_up("stored", OUT, 8.0)),)),
    "weights": Planted((("know", WEIGHTS, known(TABLE, 8.0)),)),
}
"""One source each, by the class of facts it answers."""
THREE = Planted(
    (
        ("look", ATTENTION, looked_up("near", OUT, 3.0)),
        ("recall", STORE, looked_up("stored", OUT, 2.0)),
        ("know", WEIGHTS, known(TABLE, 1.0)),
    )
)
"""Three sources that add up."""
RELAY = Planted(
    (
        ("recall", STORE, looked_up("stored", ONE, 1.0)),
        ("pass on", WEIGHTS, joined(lambda one, _: one, 8.0)),
    )
)
"""The store writes where the head does not read, and weights pass it on."""
_BOTH = (
    ("look", ATTENTION, looked_up("near", ONE, 1.0)),
    ("recall", STORE, looked_up("stored", TWO, 1.0)),
)
REDUNDANT = Planted((*_BOTH, ("or", WEIGHTS, joined(lambda a, b: a + b - a * b, 8.0))))
"""Attention and store say the same, and one of them is enough."""
AND = Planted((*_BOTH, ("and", WEIGHTS, joined(lambda a, b: a * b, 8.0))))
"""Attention and store are both needed."""
