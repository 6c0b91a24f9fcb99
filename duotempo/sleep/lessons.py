"""Lessons: evicted text in segments, with trunk states and the teacher's guesses made once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import overload

import torch
from jaxtyping import Float, Int
from torch import Tensor

from duotempo.core import Tell, UserError, silent
from duotempo.models.body import Body, Memory
from duotempo.sleep.loss import TopGuesses, fused_lesson_loss, lesson_loss

LEAST = 2  # tokens that can be learned from: one to read, one to foretell
SHORTEST = 16  # tokens of a last segment that is still worth a lesson


@dataclass(frozen=True)
class Lesson:
    """One segment: what enters the upper layers, the ids to predict, the teacher's view."""

    x: Tensor
    targets: Int[Tensor, " time"]
    teacher: TopGuesses | None

    @property
    def size(self) -> int:
        """Tokens in the segment."""
        return len(self.targets) + 1

    def loss(self, body: Body, memory: Memory, distill: float) -> Float[Tensor, ""]:
        """What `memory` costs on this lesson, in nats a token; differentiable in the memory."""
        y = body.upper(self.x, memory)[0, :-1]
        if body.head is None:
            return lesson_loss(body.logits(y), self.targets, self.teacher, distill)
        return fused_lesson_loss(y, body.head, self.targets, self.teacher, distill)


@dataclass(frozen=True)
class Lessons:
    """How text becomes lessons: tokens a segment, the window the teacher sees, guesses kept.

    `top=0` makes lessons without a teacher. Raises `UserError` for a segment under two tokens or a
    window that does not hold it.
    """

    segment: int = 256
    window: int = 512
    top: int = 64

    def __post_init__(self) -> None:
        if not LEAST <= self.segment <= self.window:
            raise UserError(
                f"segment={self.segment}: must be at least {LEAST} and at most the window "
                f"({self.window})"
            )
        if self.top < 0:
            raise UserError(f"top={self.top}: must be 0 (no teacher) or more")

    def spans(self, tokens: int) -> list[tuple[int, int]]:
        """Start and end of each segment; a tail under 16 tokens joins the segment before it.

        Raises `UserError` for fewer than two tokens.
        """
        if tokens < LEAST:
            raise UserError(f"{tokens} tokens are too few to learn from: give at least {LEAST}")
        starts = list(range(0, tokens, self.segment))
        if len(starts) > 1 and tokens - starts[-1] < SHORTEST:
            starts.pop()
        return list(zip(starts, [*starts[1:], tokens], strict=True))

    def make(
        self,
        body: Body,
        tokens: Int[Tensor, " text"],
        before: Int[Tensor, " earlier"],
        tell: Tell = silent,
    ) -> list[Lesson]:
        """Lessons over `tokens`; `before` stood in the window ahead of the first of them."""
        stream = torch.cat([before, tokens])
        lessons = []
        for start, end in self.spans(len(tokens)):
            a, b = len(before) + start, len(before) + end
            context = stream[max(0, b - self.window) : a]
            lessons.append(lesson(body, stream[a:b], context, self.top))
            tell("preparing lessons", end, len(tokens))
        return lessons


@torch.no_grad()
def lesson(
    body: Body, segment: Int[Tensor, " time"], context: Int[Tensor, " past"], top: int
) -> Lesson:
    """One lesson; its teacher is the untouched model with `context` still in the window."""
    x = body.trunk(segment[None])
    targets = segment[1:].to(x.device)
    if not top:
        return Lesson(x, targets, None)
    ids = torch.cat([context, segment])[None]
    y = body.upper(body.trunk(ids))[0, len(context) : -1]
    parts = [_guesses(body.logits(rows), top) for rows in y.split(256)]
    teacher = TopGuesses(torch.cat([p[0] for p in parts]), torch.cat([p[1] for p in parts]))
    return Lesson(x, targets, teacher)


def _guesses(logits: Tensor, top: int) -> tuple[Tensor, Tensor]:
    values, ids = logits.topk(min(top, logits.shape[-1]), dim=-1)
    return values - logits.logsumexp(-1, keepdim=True), ids


class Drawn(Sequence[Lesson]):
    """Segments as lessons without a teacher (its context is gone), made when first drawn."""

    def __init__(self, body: Body, segments: Sequence[Int[Tensor, " time"]]) -> None:
        self._make = [cache(partial(lesson, body, ids, ids[:0], 0)) for ids in segments]

    def __len__(self) -> int:
        return len(self._make)

    @overload
    def __getitem__(self, index: int) -> Lesson: ...
    @overload
    def __getitem__(self, index: slice) -> list[Lesson]: ...
    def __getitem__(self, index: int | slice) -> Lesson | list[Lesson]:
        if isinstance(index, slice):
            return [make() for make in self._make[index]]
        return self._make[index]()
