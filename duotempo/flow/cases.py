"""Probes made ready: the state before each question, its twin's, and a stranger's."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.core import Tell, UserError, silent
from duotempo.flow.probe import Probe, Question
from duotempo.flow.subject import Change, Ids, Subject, Trace, lasting


@dataclass(frozen=True)
class Case:
    """A probe and the states its question can be asked in: its own, that of its twin (None: it has
    no twin), that of another probe's document (None: there is no other document).

    `plain` is the run of its first wording in its own state, with the logits of the last token
    only and without the state behind it.
    """

    probe: Probe
    own: Any
    twin: Any | None
    stranger: Any | None
    plain: Trace


def prepared(subject: Subject, document: Ids, kind: str) -> Any:
    """The state in which a fact of a class is asked.

    For `store` all is let go but what lasts, stores and latents, as when a session has ended;
    raises `UserError` for a subject without either.
    """
    state = subject.read(document, subject.empty())
    return ended(subject, state) if kind == "store" else state


def ended(subject: Subject, state: Any) -> Any:
    """A state of which only what lasts is left; raises `UserError` where nothing does."""
    kept = lasting(subject)
    if not kept:
        raise UserError(
            "this model has no store, so nothing can be asked of it: leave out facts of the class "
            "'store'"
        )
    return subject.zeroed(state, [name for name in subject.stores if name not in kept])


class Memo:
    """States by document and class, the newest few read ones kept: several facts stand in one
    document. What cases were asked in is known from the beginning."""

    def __init__(self, subject: Subject, ready: Sequence[Case] = (), most: int = 24) -> None:
        self.subject, self.most = subject, most
        self._asked: dict[tuple[bool, tuple[int, ...]], Any] = {}
        for case in ready:
            for document, state in ((case.probe.document, case.own), (case.probe.twin, case.twin)):
                if document is not None:
                    self._asked[_key(document, case.probe.kind)] = state
        self._read: dict[tuple[int, ...], Any] = {}

    def __call__(self, document: Ids, kind: str) -> Any:
        """`prepared`, or what it gave before."""
        key = _key(document, kind)
        if key in self._asked:
            return self._asked[key]
        whole = (False, key[1])
        state = self._asked[whole] if whole in self._asked else self._after(document, key[1])
        return ended(self.subject, state) if kind == "store" else state

    def _after(self, document: Ids, tokens: tuple[int, ...]) -> Any:
        """The state after a document, read once."""
        if tokens not in self._read:
            while len(self._read) >= self.most:
                self._read.pop(next(iter(self._read)))
            self._read[tokens] = self.subject.read(document, self.subject.empty())
        return self._read[tokens]


def _key(document: Ids, kind: str) -> tuple[bool, tuple[int, ...]]:
    """Whether only what lasts is kept of a document, and the document."""
    return kind == "store", tuple(document.tolist())


@torch.no_grad()
def cases(subject: Subject, probes: Sequence[Probe], tell: Tell = silent) -> tuple[Case, ...]:
    """Every probe with its states; a document that several share is read once.

    Facts of the class `store` are left out where the subject has no store: their rows say none.
    Raises `UserError` for no probes at all, and for a model whose logits are no finite numbers.
    """
    if not probes:
        raise UserError("there are no probes: give at least one fact, better ten a class")
    probes = [p for p in probes if p.kind != "store" or lasting(subject)]
    state = Memo(subject)
    found = []
    for done, probe in enumerate(probes):
        tell("asking", done, len(probes))
        twin = None if probe.twin is None else state(probe.twin, probe.kind)
        other = _stranger(probes, done)
        stranger = None if other is None else state(other, probe.kind)
        own = state(probe.document, probe.kind)
        plain = subject.run(probe.question.tokens, own)
        if not bool(plain.logits[-1].isfinite().all()):
            raise UserError(
                f"fact {probe.fact!r}: the model's logits are no finite numbers, so its weights "
                "are damaged: copy or train it again"
            )
        plain = replace(plain, logits=plain.logits[-1:].clone(), state=None)
        found.append(Case(probe, own, twin, stranger, plain))
    tell("asking", len(probes), len(probes))
    return tuple(found)


def _stranger(probes: Sequence[Probe], own: int) -> Ids | None:
    """The document of the next probe of the same class that has another one."""
    for step in range(1, len(probes)):
        other = probes[(own + step) % len(probes)]
        if other.kind == probes[own].kind and not torch.equal(other.document, probes[own].document):
            return other.document
    return None


def asked(subject: Subject, question: Question, state: Any, change: Change | None = None) -> Trace:
    """One run over a question."""
    return subject.run(question.tokens, state, change)


Go = Callable[[Ids], Trace]
"""A run over tokens in some setting."""


def said(question: Question, logits: Float[Tensor, " vocab"], go: Go) -> int | None:
    """The candidate that the model says when it may go on freely; None when it says no candidate.
    `logits` are those behind the question, `go` runs it and what was said so far.

    Nothing is forced: each token is the likeliest after the ones before it (cf. The Mirage of Model
    Editing, 2025, on what teacher forcing hides).
    """
    tokens, spoken = question.tokens, torch.empty_like(question.tokens[:0])
    left = dict(enumerate(question.candidates))
    while True:
        spoken = torch.cat((spoken, logits.argmax()[None].to(spoken)))
        left = {i: ids for i, ids in left.items() if _begins_alike(ids, spoken)}
        if not left:
            return None
        first = min(left)
        if len(left[first]) <= len(spoken):
            return first
        logits = go(torch.cat((tokens, spoken))).logits[-1]


def _begins_alike(a: Ids, b: Ids) -> bool:
    """Whether one of two texts is the beginning of the other."""
    size = min(len(a), len(b))
    return torch.equal(a[:size], b[:size])
