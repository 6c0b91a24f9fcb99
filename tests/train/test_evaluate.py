"""Evaluation: planted models get the scores they deserve, in pieces of any size."""

import math
from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from duotempo.train import evaluate
from tests.train.tiny import Config, Echo


class Parrot(nn.Module):
    """Gives every token the same chance, but repeats the first two tokens at the end."""

    def __init__(self, length, wrong=0):
        super().__init__()
        self.length, self.wrong = length, wrong
        self.unused = nn.Parameter(torch.zeros(()))

    def forward(self, tokens, state=None):
        """Logits, and the tokens so far."""
        state = tokens if state is None else torch.cat((state, tokens), 1)
        logits = torch.zeros(*tokens.shape, 11)
        for at in range(tokens.shape[1]):
            place = state.shape[1] - tokens.shape[1] + at - (self.length - 2)
            if place >= 0:
                logits[torch.arange(len(tokens)), at, state[:, place]] = 50.0
                if place < self.wrong:
                    logits[:, at] = -logits[:, at]
        return logits, state


@pytest.mark.parametrize("piece", [1, 5, 4096])
def test_a_parrot_answers_all_and_knows_no_prose(piece):
    found = evaluate(Parrot(12), Echo(), batches=3, piece=piece)
    assert (found.right, found.exact) == (1.0, 1.0)
    assert found.bits == pytest.approx(math.log2(11))
    assert (found.tokens, found.answers) == (3 * 4 * 10, 3 * 4)


def test_half_an_answer_is_half_of_its_tokens_and_no_answer():
    found = evaluate(Parrot(12, wrong=1), Echo(), batches=3)
    assert (found.right, found.exact) == (0.5, 0.0)


def test_pieces_change_nothing_and_the_model_is_left_as_it_was():
    model = Config(dropout=0.5).build().train()
    whole = evaluate(model, Echo(), seed=3)
    pieces = evaluate(model, Echo(), seed=3, piece=5)
    assert pieces.bits == pytest.approx(whole.bits, rel=1e-6)
    assert replace(pieces, bits=whole.bits) == whole
    assert model.training
    assert all(p.grad is None for p in model.parameters())


def test_what_a_task_does_not_have_is_none():
    @dataclass(frozen=True)
    class Bare(Echo):
        """Prose without questions."""

        def batch(self, seed, index):
            batch = super().batch(seed, index)
            return replace(batch, answers=torch.zeros_like(batch.answers))

    found = evaluate(Config().build(), Bare(), batches=1)
    assert (found.right, found.exact, found.answers) == (None, None, 0)
    found = evaluate(Config().build(), Echo(mute=True), batches=1)
    assert found.bits is None
