"""One question a class, read through a lens after every write and at every token of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from duotempo.flow.cases import Case
from duotempo.flow.probe import kinds_of
from duotempo.flow.subject import Place, Subject

MOST = 32
"""Tokens at most, the last ones of a question: more can neither be drawn nor read."""

Word = Callable[[int], str]
"""What a token says, spaces included."""


@dataclass(frozen=True)
class Trail:
    """What a stream would say were it the last, by write and token of one question.

    `tokens` are the (last) words of the question as the model gets them, `top` the likeliest next
    word at each place and token, `probability` and `rank` those of the answer's first token, which
    is `answer`. `right`: of the candidates the model chooses the answer. It is one example, the
    first fact of its class, and shows no more than that.
    """

    kind: str
    fact: str
    answer: str
    right: bool
    tokens: tuple[str, ...]
    places: tuple[Place, ...]
    top: tuple[tuple[str, ...], ...]
    probability: tuple[tuple[float, ...], ...]
    rank: tuple[tuple[int, ...], ...]


@torch.no_grad()
def trails(subject: Subject, ready: Sequence[Case], word: Word = str) -> tuple[Trail, ...]:
    """The first fact of each class through the logit lens, the norm taken of each depth and token
    as it is. Takes no run, since the questions have been asked."""
    found = []
    for kind in kinds_of([case.probe for case in ready]):
        case = next(case for case in ready if case.probe.kind == kind)
        found.append(_trail(subject, case, word))
    return tuple(found)


def _trail(subject: Subject, case: Case, word: Word) -> Trail:
    question = case.probe.question
    right, top, probability, rank = question.firsts[0], [], [], []
    for streams in case.plain.streams[:, -MOST:]:
        logits = subject.unembed(streams).double()
        top.append(tuple(word(token) for token in logits.argmax(-1).tolist()))
        probability.append(tuple(logits.softmax(-1)[:, right].tolist()))
        rank.append(tuple((1 + (logits > logits[:, right : right + 1]).sum(-1)).tolist()))
    return Trail(
        case.probe.kind,
        case.probe.fact,
        word(right),
        question.choice(case.plain.logits[-1]) == 0,
        tuple(word(token) for token in question.tokens[-MOST:].tolist()),
        subject.places,
        tuple(top),
        tuple(probability),
        tuple(rank),
    )
