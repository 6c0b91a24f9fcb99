"""A tiny model with a carried state, and a tiny task, to train in milliseconds."""

from dataclasses import asdict, dataclass, field
from typing import ClassVar

import torch
from torch import nn

from duotempo.rules.gates import Gates
from duotempo.tasks.batch import Batch
from duotempo.train import Run, Stage


class Gate(nn.Module):
    """Gives the gates of a memory: step and keep of one head."""

    def __init__(self, width):
        super().__init__()
        self.project = nn.Linear(width, 2)

    def forward(self, x):
        """The gates of each token."""
        step, keep = self.project(x).sigmoid().unbind(-1)
        return Gates(step=step[:, None], keep=torch.log1p(-0.5 * keep)[:, None])


class Leaky(nn.Module):
    """A leaky average of its input, gated; the average is the state."""

    def __init__(self, width, dropout):
        super().__init__()
        self.gate, self.inner = Gate(width), nn.Linear(width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, state):
        """The input plus what is remembered, and the memory after it."""
        gates, values = self.gate(x), self.inner(x).tanh()
        kept = state
        reads = []
        for t in range(x.shape[1]):
            step, keep = gates.step[:, 0, t, None], gates.keep[:, 0, t, None].exp()
            kept = keep * kept + step * values[:, t]
            reads.append(kept)
        return x + self.dropout(torch.stack(reads, 1)), kept


class Tiny(nn.Module):
    """Embedding, leaky blocks, a head: `logits, state = model(tokens, state)`."""

    def __init__(self, config):
        super().__init__()
        self.width = config.width
        self.embed = nn.Embedding(config.vocab, config.width)
        self.blocks = nn.ModuleList(Leaky(config.width, config.dropout) for _ in range(2))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.vocab)
        self.register_buffer("scale", torch.ones(()))

    def forward(self, tokens, state=None):
        """Logits of the next token, and the state after the last."""
        x = self.embed(tokens) * self.scale
        if state is None:
            state = [torch.zeros(len(tokens), self.width) for _ in self.blocks]
        after = []
        for block, kept in zip(self.blocks, state, strict=True):
            x, kept = block(x, kept)
            after.append(kept)
        return self.head(self.norm(x)), after


@dataclass(frozen=True)
class Config:
    """What a tiny model is made from."""

    vocab: int = 11
    width: int = 8
    dropout: float = 0.1

    def build(self):
        """A fresh model."""
        return Tiny(self)

    def to_dict(self):
        """For config.json."""
        return asdict(self)


@dataclass(frozen=True)
class Echo:
    """Random tokens, the last two of which repeat the first two."""

    rows: int = 4
    length: int = 12
    vocab: int = 11
    chance: ClassVar[float] = 1 / 121
    mute: bool = field(default=False)

    @property
    def vocabulary(self):
        """Number of tokens."""
        return self.vocab

    def batch(self, seed, index):
        """One batch; a pure function of seed and index."""
        chance = torch.Generator().manual_seed(seed * 1_000_003 + index)
        whole = torch.randint(self.vocab, (self.rows, self.length + 1), generator=chance)
        whole[:, -2:] = whole[:, :2]
        answers = torch.zeros(self.rows, self.length, dtype=torch.bool)
        answers[:, -2:] = True
        weights = torch.where(answers, 1.0, 0.1)
        if self.mute:
            answers, weights = torch.zeros_like(answers), torch.zeros_like(weights)
        return Batch(whole[:, :-1].contiguous(), whole[:, 1:].contiguous(), weights, answers)

    def batches(self, seed):
        """All batches."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1


def a_run(steps=6, **settings):
    """Two stages of a tiny model; the second in pieces."""
    stages = (
        Stage(Echo(), steps - steps // 2, rate=1e-2, warmup=2),
        Stage(Echo(length=16), steps // 2, rate=1e-2, warmup=0, segment=4, detach_every=2),
    )
    return Run(**{"model": Config(), "stages": stages, **settings})
