"""N passes over lessons: each moves a fast state further and offers it as a candidate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from duotempo.core import Candidate, Tell, UserError, silent
from duotempo.models.body import Body, Memory
from duotempo.sleep.latents import FastLatents, Latents
from duotempo.sleep.lessons import Lesson
from duotempo.sleep.weights import FastWeights, Weights

FastState = FastWeights | FastLatents
Start = Weights | Latents
KINDS: dict[str, type[Start]] = {"weights": Weights, "latents": Latents}


@dataclass(frozen=True)
class Passes:
    """How a sleep learns: passes at most, weight of the teacher, replayed lessons per new one.

    One lesson a step, in a new order each pass; AdamW with betas .9 and .98, no decay, the
    gradient clipped at norm 1. Raises `UserError` for passes below 0.
    """

    most: int = 8
    distill: float = 0.3
    replay: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if self.most < 0:
            raise UserError(f"passes={self.most}: must be 0 (no sleep) or more")

    def candidates(
        self,
        body: Body,
        start: FastState,
        rate: float,
        lessons: Sequence[Lesson],
        replayed: Sequence[Lesson] = (),
        tell: Tell = silent,
    ) -> Iterator[Candidate]:
        """Yield the state after 1, 2, ... passes, rounded to bf16 as it will be saved.

        `start` and the model are left as they are.
        """
        leaves = {n: t.detach().float().clone().requires_grad_() for n, t in start.tensors.items()}
        state = start.replaced(leaves)
        step = torch.optim.AdamW(leaves.values(), lr=rate, betas=(0.9, 0.98), weight_decay=0.0)
        generator = torch.Generator().manual_seed(self.seed)
        for number in range(1, self.most + 1):
            agenda = self._agenda(lessons, replayed, generator)
            for done, lesson in enumerate(agenda, 1):
                _learn(body, state, lesson, self.distill, step)
                tell(f"sleep, pass {number}", done, len(agenda))
            yield Candidate(number, rounded(state))

    def _agenda(
        self, lessons: Sequence[Lesson], replayed: Sequence[Lesson], generator: torch.Generator
    ) -> list[Lesson]:
        """Every lesson once, in a new order, with lessons of earlier text strewn in."""
        agenda = []
        for i in torch.randperm(len(lessons), generator=generator).tolist():
            agenda.append(lessons[i])
            if replayed and torch.rand((), generator=generator).item() < self.replay:
                agenda.append(replayed[int(torch.randint(len(replayed), (), generator=generator))])
        return agenda


def _learn(
    body: Body, state: Memory, lesson: Lesson, distill: float, step: torch.optim.Optimizer
) -> None:
    step.zero_grad()
    lesson.loss(body, state, distill).backward()
    torch.nn.utils.clip_grad_norm_(step.param_groups[0]["params"], 1.0)
    step.step()


def rounded(state: FastState) -> FastState:
    """The state as it is kept: bf16, cut off from the graph."""
    return state.replaced({n: t.detach().to(torch.bfloat16) for n, t in state.tensors.items()})


def state_bytes(state: FastState | None) -> int:
    """Bytes that a fast state takes, in memory and on disk alike."""
    return sum(t.numel() * t.element_size() for t in state.tensors.values()) if state else 0
