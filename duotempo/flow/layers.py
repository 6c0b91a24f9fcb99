"""Which modules of a stranger's layer write into the stream: found by adding up what they give."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from duotempo.core import UserError
from duotempo.flow.subject import ATTENTION, MIXED, WEIGHTS, Final, Place
from duotempo.flow.taps import After, Call, tapped
from duotempo.models.sites import find_layers


@dataclass(frozen=True)
class Writer:
    """A module whose output, times a factor, is added to the stream at a place.

    `beside` is a second place, right behind it, for a part of the output that can be told apart.
    """

    module: nn.Module
    place: Place
    factor: float
    beside: Place | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """One or two."""
        return (self.place,) if self.beside is None else (self.place, self.beside)


@dataclass(frozen=True)
class Layer:
    """A layer and its two writers in the order in which they write; none where the layer adds
    otherwise, and then it is one place."""

    module: nn.Module
    writers: tuple[Writer, ...]
    whole: Place

    @property
    def places(self) -> tuple[Place, ...]:
        """What it adds to the list of places."""
        places = tuple(place for writer in self.writers for place in writer.places)
        return places or (self.whole,)


@dataclass(frozen=True)
class Anatomy:
    """The layers of a model, its end, the module of its last norm (None: it has none), and whether
    norm and head are all there is behind the stream."""

    layers: tuple[Layer, ...]
    final: Final
    norm: nn.Module | None
    plain: bool


@torch.no_grad()
def anatomy(model: PreTrainedModel) -> Anatomy:
    """Look at a model run over a few tokens. Raises `UserError` where its stream is not found."""
    layers, seen = _layers(model), _Seen()
    inside = {module for layer in layers for module in layer.modules()}
    outside = [m for m in model.modules() if m not in inside and not isinstance(m, nn.ModuleList)]
    children = [child for layer in layers for child in layer.children()]
    watched = [*layers, *children, *outside]
    ids = torch.arange(1, 9, device=model.device)[None] % model.config.vocab_size
    with tapped({}, {module: seen.tap(module) for module in watched}):
        logits = model(ids, use_cache=False).logits
    head = cast(nn.Module, model.get_output_embeddings())
    if head is None or head not in seen.before or not hasattr(head, "weight"):
        raise UserError(
            f"{type(model).__name__} has no head over a vocabulary that flow can read: give a "
            "causal language model"
        )
    norm = _norm(outside, seen, seen.after[layers[-1]], seen.before[head])
    weight = head.get_parameter("weight")
    final = Final(norm or (lambda x: x), weight, getattr(head, "bias", None))
    plain = _close(head(final.norm(seen.after[layers[-1]])), logits)
    return Anatomy(
        tuple(_layer(index, layer, seen) for index, layer in enumerate(layers)), final, norm, plain
    )


def _layers(model: PreTrainedModel) -> list[nn.Module]:
    try:
        return list(find_layers(model)[1])
    except UserError as error:
        raise UserError(
            f"{type(model).__name__} has no plain list of layers, so its stream cannot be read by "
            "flow: give another model"
        ) from error


class _Seen:
    """What went into modules and came out of them, in the order in which they were done."""

    def __init__(self) -> None:
        self.before: dict[nn.Module, Tensor] = {}
        self.after: dict[nn.Module, Tensor] = {}

    def tap(self, module: nn.Module) -> After:
        """A tap that keeps what a module takes and gives, where that is a tensor."""

        def keep(output: Tensor, call: Call) -> None:
            given = call.args or call.named.values()
            first = next((value for value in given if isinstance(value, Tensor)), None)
            if first is not None:
                self.before[module] = first
            if isinstance(output, Tensor):
                self.after[module] = output

        return keep


def _norm(
    outside: list[nn.Module], seen: _Seen, last: Tensor, into_head: Tensor
) -> nn.Module | None:
    """The module between the last stream and the head; None where there is none."""
    for module in outside:
        entered, left = seen.before.get(module), seen.after.get(module)
        if entered is None or left is None or not entered.shape == left.shape == last.shape:
            continue
        if torch.equal(entered, last) and torch.equal(left, into_head):
            return module
    if torch.equal(last, into_head):
        return None
    raise UserError(
        "between the last layer and the head stands more than one norm: this model's stream cannot "
        "be read by flow"
    )


def _layer(index: int, layer: nn.Module, seen: _Seen) -> Layer:
    """A layer and the pair of children whose outputs add up to what it adds."""
    entered, left = seen.before[layer], seen.after[layer]
    added = left.double() - entered.double()
    # a stream with large entries loses the last places of what is added to it
    lost = 8 * torch.finfo(left.dtype).eps * (entered.abs() + left.abs()).double()
    names = {child: name for name, child in layer.named_children()}
    outputs = [(m, out) for m, out in seen.after.items() if m in names and out.shape == added.shape]
    mixed = Layer(layer, (), Place(f"{index}.layer", MIXED, apart=False))
    for first, second, factor in _pairs(outputs, added, lost):
        channel = ATTENTION if _attends(names.values(), seen, names, first) else MIXED
        return Layer(
            layer,
            (
                Writer(first, Place(f"{index}.{names[first]}", channel), factor),
                Writer(second, Place(f"{index}.{names[second]}", WEIGHTS), factor),
            ),
            mixed.whole,
        )
    return mixed


def _pairs(
    outputs: list[tuple[nn.Module, Tensor]], added: Tensor, lost: Tensor
) -> Iterator[tuple[nn.Module, nn.Module, float]]:
    """Pairs of modules whose outputs, times one factor, sum to what was added."""
    for (first, a), (second, b) in combinations(outputs, 2):
        total = a.double() + b.double()
        for factor in (1.0, float((total * added).sum() / total.square().sum().clamp_min(1e-30))):
            error = (factor * total - added).abs() - lost
            if bool((error <= 1e-4 * added.abs().max()).all()):
                yield first, second, factor


def _attends(every: Any, seen: _Seen, names: dict[nn.Module, str], first: nn.Module) -> bool:
    """Whether the first writer is an attention or follows one: by name, as classes are many."""
    before = [names[m] for m in seen.after if m in names]
    upto = before[: before.index(names[first]) + 1]
    return any("att" in name.lower() and "norm" not in name.lower() for name in upto)


def _close(a: Tensor, b: Tensor) -> bool:
    """Equal up to rounding of the model's precision."""
    off = 3e-2 if a.dtype.itemsize < 4 or b.dtype.itemsize < 4 else 1e-4
    return bool((a - b).abs().max() <= off * b.abs().max().clamp_min(1e-6))
