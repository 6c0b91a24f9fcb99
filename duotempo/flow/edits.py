"""Ways to write a fact: into the context, a store, the weights (rank one, fine-tuned), nowhere."""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from duotempo.core import UserError
from duotempo.flow.probe import Question
from duotempo.flow.subject import Ids, Subject, Trace, lasting
from duotempo.flow.taps import After, Call, tapped

Deltas = Mapping[str, Float[Tensor, "outputs inputs"]]


@dataclass(frozen=True)
class Edit:
    """A fact to be written: what is read to learn it, and how to see what became of it.

    Of `questions` (one fact in several wordings) the first candidate is the new answer, the second
    the old one. `neighbours` (other subjects) and `same_subject` (other facts of this one) have
    their own answers, which should stay, first. `loud` mentions the subject and goes on about
    something else.
    """

    fact: str
    statement: Ids
    questions: tuple[Question, ...]
    neighbours: tuple[Question, ...] = ()
    same_subject: tuple[Question, ...] = ()
    loud: Ids | None = None

    def __post_init__(self) -> None:
        if not len(self.statement) or not self.questions:
            raise UserError(f"edit {self.fact!r}: give a statement to read and a question to ask")


@dataclass(frozen=True)
class Mind:
    """What answers: a state, and what was added to weights, by the place they write at. A value:
    to take an edit back is to go on with the mind before it."""

    state: Any
    deltas: Deltas = field(default_factory=dict)


@runtime_checkable
class Editable(Subject, Protocol):
    """A subject with weights that can be written."""

    def outlet(self, place: str) -> nn.Module:
        """The projection [inputs -> width] of the MLP that writes at a place."""
        ...


def run(subject: Subject, mind: Mind, tokens: Ids) -> Trace:
    """A run with what a mind has added to the weights."""
    with _speaking(subject, mind.deltas):
        return subject.run(tokens, mind.state)


def read(subject: Subject, mind: Mind, tokens: Ids) -> Mind:
    """A mind that has read some tokens."""
    with _speaking(subject, mind.deltas):
        return replace(mind, state=subject.read(tokens, mind.state))


def _speaking(subject: Subject, deltas: Deltas) -> contextlib.AbstractContextManager[None]:
    """Within: the deltas are added; the weights themselves are never written."""
    if not deltas:
        return contextlib.nullcontext()
    assert isinstance(subject, Editable)
    return tapped({}, {subject.outlet(place): _added(delta) for place, delta in deltas.items()})


def _added(delta: Tensor) -> After:
    return lambda out, call: out + call.args[0] @ delta.to(out).T


Operator = Callable[[Subject, Mind, Edit], Mind | None]
"""A mind that has been told; None where a subject has no such channel."""


def nothing(subject: Subject, mind: Mind, edit: Edit) -> Mind | None:
    """The control: the mind as it is."""
    return mind


def context(subject: Subject, mind: Mind, edit: Edit) -> Mind | None:
    """The statement is read: attention and stores have it."""
    return read(subject, mind, edit.statement)


def store(subject: Subject, mind: Mind, edit: Edit) -> Mind | None:
    """The statement is read and nothing of that is kept but what the stores took in."""
    kept = lasting(subject)
    if not kept:
        return None
    told = read(subject, mind, edit.statement)
    return replace(mind, state=subject.swapped(mind.state, told.state, kept))


@dataclass(frozen=True)
class RankOne:
    """W += v u^T / (u . k), u = C^-1 k: the smallest change (as keys usually are) that adds v to
    what key k is answered.

    k is the input of an MLP's projection at the question's last token, v is found by `steps` of
    Adam so that the new answer's first token comes, C is the covariance of inputs over `texts`. An
    own simplification of ROME (Meng et al. 2022, arXiv 2202.05262), which edits at the subject's
    last token and samples contexts.
    """

    place: str
    texts: tuple[Ids, ...]
    steps: int = 25
    rate: float = 0.5
    ridge: float = 1e-2

    def __call__(self, subject: Subject, mind: Mind, edit: Edit) -> Mind | None:
        if not isinstance(subject, Editable):
            return None
        question, module = edit.questions[0], subject.outlet(self.place)
        key = _inputs(subject, mind, question.tokens, module)[-1]
        rows = torch.cat([_inputs(subject, mind, text, module) for text in self.texts])
        square = rows.T @ rows / len(rows)
        size = square.diagonal().mean() * self.ridge
        u = torch.linalg.solve(square + size * torch.eye(len(key)).to(square), key)
        added = nn.Parameter(
            torch.zeros_like(subject.run(question.tokens, mind.state).streams[0, -1])
        )

        def tap(out: Tensor, _: Any) -> Tensor:
            return torch.cat((out[:, :-1], out[:, -1:] + added), 1)

        _fit(subject, mind, question, module, (tap, added), self.steps, self.rate)
        delta = torch.outer(added.detach(), u) / (key @ u)
        return _with(mind, self.place, delta)


@dataclass(frozen=True)
class FineTune:
    """`steps` of Adam on one MLP's projection, so that the new answer's first token comes."""

    place: str
    steps: int = 12
    rate: float = 2e-3

    def __call__(self, subject: Subject, mind: Mind, edit: Edit) -> Mind | None:
        if not isinstance(subject, Editable):
            return None
        question, module = edit.questions[0], subject.outlet(self.place)
        key = _inputs(subject, mind, question.tokens, module)[-1]
        width = subject.final.weight.shape[1]
        delta = nn.Parameter(key.new_zeros(width, len(key)))

        def tap(out: Tensor, call: Call) -> Tensor:
            return out + call.args[0] @ delta.T

        _fit(subject, mind, question, module, (tap, delta), self.steps, self.rate)
        return _with(mind, self.place, delta.detach())


def _fit(
    subject: Subject,
    mind: Mind,
    question: Question,
    module: nn.Module,
    learned: tuple[After, nn.Parameter],
    steps: int,
    rate: float,
) -> None:
    """Move a parameter that a tap adds, until the new answer's first token is the likeliest."""
    tap, parameter = learned
    wanted = torch.tensor([question.firsts[0]])
    step = torch.optim.Adam([parameter], lr=rate)
    for _ in range(steps):
        with torch.enable_grad(), _speaking(subject, mind.deltas), tapped({}, {module: tap}):
            logits = subject.run(question.tokens, mind.state).logits[-1:]
            loss = cross_entropy(logits, wanted.to(logits.device))
        step.zero_grad()
        loss.backward()
        step.step()


@torch.no_grad()
def _inputs(
    subject: Subject, mind: Mind, tokens: Ids, module: nn.Module
) -> Float[Tensor, "time inputs"]:
    """What goes into a projection."""
    seen: list[Tensor] = []

    def tap(out: Tensor, call: Call) -> None:
        seen.append(call.args[0][0])

    with _speaking(subject, mind.deltas), tapped({}, {module: tap}):
        subject.run(tokens, mind.state)
    return seen[0].clone()


def _with(mind: Mind, place: str, delta: Tensor) -> Mind:
    """A mind with one more delta at a place."""
    before = mind.deltas.get(place)
    return replace(mind, deltas={**mind.deltas, place: delta if before is None else before + delta})


def operators(subject: Subject, texts: Sequence[Ids]) -> dict[str, Operator]:
    """The five by name; weights are written two thirds up, where edits of this kind do best in the
    models that were published about (that an edit works there does not prove that the fact was).
    Where that MLP has no projection that can be, as among experts, their rows say none."""
    found: dict[str, Operator] = {"nothing": nothing, "context": context, "store": store}
    mlps = [place.name for place in subject.places if place.channel == "weights"]
    if isinstance(subject, Editable) and mlps:
        place = mlps[len(mlps) * 2 // 3]
        can = _writable(subject, place, texts[0])
        found["rank one"] = RankOne(place, tuple(texts)) if can else unwritable
        found["fine-tune"] = FineTune(place) if can else unwritable
    return found


def unwritable(subject: Subject, mind: Mind, edit: Edit) -> Mind | None:
    """Where no projection sees every token in turn, as among experts: no such row."""
    return None


def _writable(subject: Editable, place: str, text: Ids) -> bool:
    """Whether a projection of the MLP at a place is known, and is given a row for each token."""
    shapes: list[torch.Size] = []

    def tap(out: Tensor, call: Call) -> None:
        shapes.append(call.args[0].shape[:-1])

    try:
        module = subject.outlet(place)
    except UserError:
        return False
    with tapped({}, {module: tap}):
        subject.run(text, subject.empty())
    return bool(shapes) and all(tuple(shape) == (1, len(text)) for shape in shapes)
