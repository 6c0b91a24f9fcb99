"""A probe: a fact that is asked, the text it stands in, and the twin in which it is otherwise."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from duotempo.core import UserError
from duotempo.flow.subject import Ids

KINDS = ("weights", "near", "far", "store")
"""Where a fact is meant to come from: learned weights; the text just before the question; text far
before it; text that was read earlier, of which nothing but the stores is left."""


@dataclass(frozen=True)
class Question:
    """One wording: its tokens, and how each candidate answer goes on from there.

    The first candidate is the right one. The token that tells a candidate from the right one is
    its first. Raises `UserError` where there is nothing to choose between.
    """

    tokens: Ids
    candidates: tuple[Ids, ...]

    def __post_init__(self) -> None:
        if not len(self.tokens):
            raise UserError("a question has no tokens: give it some words")
        if any(not len(ids) for ids in self.candidates):
            raise UserError("an answer becomes no tokens at all: give one with letters in it")
        if len(self.candidates) < 2:
            raise UserError(
                "an answer stands alone: give at least one alternative that begins with another "
                "token"
            )
        if int(self.candidates[0][0]) in self.firsts[1:]:
            raise UserError(
                "an alternative begins with the same token as the answer: give alternatives that "
                "begin otherwise"
            )

    @property
    def firsts(self) -> list[int]:
        """The first token of every candidate."""
        return [int(ids[0]) for ids in self.candidates]

    @property
    def chance(self) -> float:
        """How often a guess among the candidates is right; those that begin alike are one."""
        return 1 / len(set(self.firsts))

    @property
    def longest(self) -> int:
        """Tokens of the longest candidate."""
        return max(len(ids) for ids in self.candidates)

    def weights(self, like: Float[Tensor, " vocab"]) -> Float[Tensor, " vocab"]:
        """The margin as weights of the logits: one on the answer, -1/n on each alternative."""
        found = torch.zeros_like(like)
        others = self.firsts[1:]
        found.index_add_(
            0, torch.tensor(others, device=like.device), found.new_full((len(others),), -1.0)
        )
        found /= len(others)
        found[self.firsts[0]] += 1
        return found

    def margin(self, logits: Float[Tensor, " vocab"]) -> float:
        """logit(answer) minus the mean over the alternatives: linear in what was written."""
        right, *others = logits[self.firsts].double().tolist()
        return right - sum(others) / len(others)

    def choice(self, logits: Float[Tensor, " vocab"]) -> int:
        """Which candidate is likeliest, by its first token; 0 is the right one, -1 is a tie, which
        is no answer."""
        scores = logits[self.firsts]
        best = (scores == scores.max()).nonzero()[:, 0].tolist()
        return best[0] if len({self.firsts[index] for index in best}) == 1 else -1

    def spread(self, logits: Float[Tensor, " vocab"]) -> Float[Tensor, " candidate"]:
        """Probabilities of the candidates among themselves, in double precision."""
        return logits[self.firsts].double().softmax(0)


@dataclass(frozen=True)
class Probe:
    """A fact. `kind` is one of `KINDS`; `document` is read before the question and may be empty.

    `twin` is the same document with other answers in it; the one it has for this fact is the second
    candidate when `has_rival`. All wordings in `questions` have the same candidates in the same
    order. `contexts` are other texts to ask it in, `contradictions` are texts that say the rival,
    by where it then stands (near, far, store). Raises `UserError`.
    """

    fact: str
    kind: str
    questions: tuple[Question, ...]
    document: Ids = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    twin: Ids | None = None
    has_rival: bool = False
    contexts: tuple[Ids, ...] = ()
    contradictions: Mapping[str, Ids] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UserError(
                f"fact {self.fact!r} is of class {self.kind!r}: one of {', '.join(KINDS)}"
            )
        if not self.questions:
            raise UserError(f"fact {self.fact!r} is not asked: give at least one question")
        if unknown := self.contradictions.keys() - {"near", "far", "store"}:
            raise UserError(
                f"fact {self.fact!r} is contradicted at {min(unknown)!r}: one of near, far, store"
            )

    @property
    def question(self) -> Question:
        """The first wording."""
        return self.questions[0]


def kinds_of(probes: Sequence[Probe]) -> list[str]:
    """The classes that occur, in the order of `KINDS`."""
    return [kind for kind in KINDS if any(probe.kind == kind for probe in probes)]
