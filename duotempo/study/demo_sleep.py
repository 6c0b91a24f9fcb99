"""The demo's part about sleep: same weights, same question, more passes before the window goes."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from duotempo.core import Tell
from duotempo.recipes.sleep import SMALL, STEPS, arm_run
from duotempo.sleep.recurrent import Sleeper
from duotempo.sleep.saved import load_sleeper
from duotempo.study.base import Figure, Row, Size
from duotempo.study.page import Block, Heading, Prose, Table
from duotempo.study.sleep_depo import TEST, asked
from duotempo.study.sleep_depo_claims import SAMPLED, one_checkpoint
from duotempo.tasks.depo import Depo
from duotempo.train import train

SHOWN = (1, 2, 3, 4, 8)
HOPS = SMALL.hops


@dataclass(frozen=True)
class Slept:
    """One checkpoint: right answers by hops and passes, a graph with its answers, what it took."""

    rows: tuple[Row, ...]
    edges: str
    question: str
    truth: str
    answers: tuple[tuple[int, str], ...]
    steps: int
    weights: int
    seconds: float

    def facts(self) -> dict[str, Any]:
        """The numbers, for JSON."""
        return asdict(self)

    def lines(self) -> list[tuple[str, ...]]:
        """A line a number of passes: right answers by hops, the answer to the question."""
        right = {(row.metric, row.x): row.value for row in self.rows}
        answers = dict(self.answers)
        return [
            (
                f"{n} pass" + "es" * (n > 1),
                *(f"{right[f'hop.{hop}', float(n)]:.2f}" for hop in range(1, HOPS + 1)),
                answers[n] + (" ✓" if answers[n] == self.truth else ""),
            )
            for n in SHOWN
        ]

    @property
    def columns(self) -> tuple[str, ...]:
        """What stands above the lines."""
        hops = [f"{hop} hop" + "s" * (hop > 1) for hop in range(1, HOPS + 1)]
        return ("sleep", *hops, self.question)

    def figure(self) -> Figure:
        """Right answers against passes."""
        return one_checkpoint(self.rows, SAMPLED, "Same weights, same question, more sleep")

    def blocks(self) -> Sequence[Block]:
        """The demo page's part."""
        return [
            Heading("Same weights, same question, more sleep"),
            Prose(
                f"A memory of {self.weights:,} weights was trained on the spot ({self.steps:,} "
                f"steps, {self.seconds:.0f} seconds) to read the edges of a cycle and to be asked, "
                "after they are gone, which node stands so many hops on. One pass stores edges. "
                "After more passes over the window, before it is evicted, longer paths are there "
                "too: the answer itself always takes one pass. Share of right answers, chance "
                f"{SMALL.chance:.2f}:"
            ),
            Table(self.columns, self.lines(), caption=f"Edges: {self.edges}"),
            self.figure(),
        ]


def slept(size: Size, seed: int, out: Path, tell: Tell) -> Slept:
    """Train the small memory with 1 to 4 passes, drawn anew each step, and ask it after more."""

    def said(what: str, done: float, total: float) -> None:
        tell(f"sleep: {what}", done, total)

    run = arm_run(SAMPLED, steps=STEPS[SMALL] if size == "full" else 20)
    trained = train(run, out / f"sleep-{size}-{seed}", tell=said)
    model = load_sleeper(trained.model)
    many = 512 if size == "full" else 8
    numbers = asked(model, SMALL, many, seed, said)
    return Slept(
        tuple(Row(SAMPLED, seed, metric, x, value) for metric, x, value in numbers),
        *_example(model, seed),
        steps=trained.steps,
        weights=sum(p.numel() for p in model.parameters()),
        seconds=trained.seconds,
    )


@torch.no_grad()
def _example(model: Sleeper, seed: int) -> tuple[str, str, str, tuple[tuple[int, str], ...]]:
    """A graph in words, a question of the most hops, its answer, and the model's by passes."""
    task = Depo(rows=1, queries=1, hop=HOPS)
    batch, second = task.batch(seed, TEST), task.parts[1]

    def name(node: int) -> str:
        return chr(ord("A") + node)

    row = batch.tokens[0].tolist()
    edges = [divmod(token, second) for token in row[: task.context]]
    told = ", ".join(f"{name(a)}→{name(b)}" for a, b in edges)
    start = row[task.context] // second
    truth = name(int(batch.targets[0, -1]) % second)
    answers = []
    for passes in SHOWN:
        logits, _ = model.with_passes(passes)(batch.tokens)
        answers.append((passes, name(int(logits[0, -1].argmax()) % second)))
    return told, f"{HOPS} hops from {name(start)}", truth, tuple(answers)
