"""What a task hands to training: tokens, targets, weights, answers; and how they are scored."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Float32, Int, Int64
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.seeds import seeded

DTYPES = {
    "tokens": torch.int64,
    "targets": torch.int64,
    "weights": torch.float32,
    "answers": torch.bool,
}

Row = tuple[bytes, list[tuple[int, int]]]
"""A text, one byte longer than what is read of it, and the (start, stop) of each answer."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Four tensors of one shape: what is read, what comes next, what counts, what is asked.

    `targets` holds the next token of each position, `weights` its share of the loss (0: not
    scored), `answers` where it belongs to an answer; neighbours in a row are one answer. Raises
    `UserError` for tensors of other shapes or dtypes.
    """

    tokens: Int64[Tensor, "batch time"]
    targets: Int64[Tensor, "batch time"]
    weights: Float32[Tensor, "batch time"]
    answers: Bool[Tensor, "batch time"]

    def __post_init__(self) -> None:
        found = {name: getattr(self, name) for name in DTYPES}
        shapes = {name: tuple(tensor.shape) for name, tensor in found.items()}
        if len(set(shapes.values())) > 1 or self.tokens.ndim != 2:
            raise UserError(f"a batch has one shape, (batch, time), for all its tensors: {shapes}")
        if wrong := {n: str(t.dtype) for n, t in found.items() if t.dtype != DTYPES[n]}:
            raise UserError(f"{wrong}: a batch holds int64 tokens, float32 weights, bool answers")


@runtime_checkable
class Task(Protocol):
    """Batches by number: the same seed and index give the same bytes, in any process."""

    @property
    def chance(self) -> float:
        """Share of exact answers that a guess gets without having read."""
        ...

    def batch(self, seed: int, index: int) -> Batch:
        """The batch of this number; numbers need not be asked in order."""
        ...

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        ...


@dataclass(frozen=True)
class Score:
    """Shares of right answers: whole ones (`exact`) and single tokens of them (`token`)."""

    exact: float
    token: float
    answers: int
    tokens: int


def generator(seed: int, *index: int) -> torch.Generator:
    """As `seeded`, for tensors."""
    return torch.Generator().manual_seed(seeded(seed, *index).getrandbits(63))


def asked_batch(whole: Int64[Tensor, "batch longer"], asked: Bool[Tensor, "batch longer"]) -> Batch:
    """Rows one token longer than what is read of them, of which only the `asked` tokens count."""
    answers = asked[:, 1:].contiguous()
    return Batch(whole[:, :-1].contiguous(), whole[:, 1:].contiguous(), answers.float(), answers)


def byte_batch(rows: Sequence[Row], prose_weight: float) -> Batch:
    """Texts of one length as a batch, each with the (start, stop) of its answers.

    An answer's byte weighs 1; all other bytes of a row together weigh `prose_weight` times what
    its answers weigh together, so the balance does not move with the length.
    """
    raw = torch.frombuffer(bytearray(b"".join(text for text, _ in rows)), dtype=torch.uint8)
    whole = raw.view(len(rows), -1).long()
    asked = torch.zeros(whole.shape, dtype=torch.bool)
    for row, (_, spans) in zip(asked, rows, strict=True):
        for start, stop in spans:
            row[start:stop] = True
    answers = asked[:, 1:].contiguous()
    count = answers.sum(1, keepdim=True)
    prose = prose_weight * count / (answers.shape[1] - count).clamp_min(1)
    weights = torch.where(answers, 1.0, prose).float()
    return Batch(whole[:, :-1].contiguous(), whole[:, 1:].contiguous(), weights, answers)


def score(
    predicted: Int[Tensor, "batch time"] | Float[Tensor, "batch time vocabulary"], batch: Batch
) -> Score:
    """How many answers of a batch are right, from next-token predictions or from logits.

    Read with the text up to each token known, which for a whole answer is the same event as
    greedy decoding. Raises `UserError` for a batch that asks nothing.
    """
    guess = predicted.argmax(-1) if predicted.is_floating_point() else predicted
    if guess.shape != batch.targets.shape:
        raise UserError(
            f"predictions of shape {tuple(guess.shape)} do not fit targets of shape "
            f"{tuple(batch.targets.shape)}: give one for each target"
        )
    if not batch.answers.any():
        raise UserError("this batch asks nothing: score a task with answers, such as needle")
    before = torch.nn.functional.pad(batch.answers[:, :-1], (1, 0))
    number = (batch.answers & ~before).flatten().cumsum(0) - 1
    asked = batch.answers.flatten()
    wrong = (guess != batch.targets).flatten()[asked]
    answers = int(number[-1]) + 1
    spoiled = len(number[asked][wrong].unique())
    return Score(
        exact=1 - spoiled / answers,
        token=1 - int(wrong.sum()) / len(wrong),
        answers=answers,
        tokens=len(wrong),
    )
