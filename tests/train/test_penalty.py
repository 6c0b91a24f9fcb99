"""Penalties: what each costs, how it rises, and that every gate is heard once."""

import math
from dataclasses import replace

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.config import Config, MemoryConfig
from duotempo.rules.gates import Gates
from duotempo.train import Decay, Margin, Penalty, Sparse, Write
from duotempo.train.penalty import cost, hearing
from tests.train.tiny import Config as TinyConfig

STEPS = torch.tensor([[[0.0, 0.05, 0.45, 0.1]]])
GATES = Gates(step=STEPS, keep=torch.log(torch.tensor([[[1.0, 0.5, 0.75, 0.75]]])))


def test_what_each_costs():
    assert Write(1.0)([GATES]).item() == pytest.approx(0.15)
    assert Sparse(1.0)([GATES]).item() == pytest.approx((0 + 0.5 + 0.9 + 2 / 3) / 4)
    assert Decay(1.0)([GATES]).item() == pytest.approx(0.25)


@pytest.mark.parametrize("penalty", [Write(1.0), Sparse(1.0), Decay(1.0)])
def test_gates_that_do_nothing_cost_nothing(penalty):
    shut = Gates(step=torch.zeros(2, 3, 4), keep=torch.zeros(2, 3, 4))
    assert isinstance(penalty, Penalty)
    assert penalty([shut]).item() == 0
    assert penalty([GATES]).item() > 0
    assert Decay(1.0)([replace(GATES, keep=None)]).item() == 0


@pytest.mark.parametrize("penalty", [Write(1.0), Sparse(1.0), Decay(1.0)])
def test_what_is_heard_in_pieces_costs_the_same(penalty):
    pieces = [GATES.cut(0, 3), GATES.cut(3, 4)]
    assert penalty(pieces).item() == pytest.approx(penalty([GATES]).item())


def test_a_margin_pushes_on_a_gate_that_is_shut():
    logit = torch.tensor([[[-2.3, 40.0, -40.0]]], requires_grad=True)
    paid = Margin(1.0)([Gates(step=torch.zeros(1, 1, 3), logit=logit)])
    assert paid.item() == pytest.approx(0.5)
    paid.backward()
    assert logit.grad.flatten()[0].item() == pytest.approx(0.25 / 3)
    assert Margin(1.0)([GATES]).item() == 0


def test_the_weight_rises_over_the_ramp():
    paid = [cost([Write(2.0, ramp=0.5)], [GATES], share).item() for share in (0.1, 0.25, 0.5, 1.0)]
    assert paid == pytest.approx([0.06, 0.15, 0.3, 0.3])
    assert cost([Write(2.0)], [GATES], 0.0).item() == pytest.approx(0.3)
    assert cost([Write(2.0), Decay(4.0)], [GATES], 1.0).item() == pytest.approx(1.3)


def test_every_layer_is_heard_once_and_only_within():
    model, tokens = TinyConfig().build(), torch.zeros(2, 5, dtype=torch.long)
    with hearing(model, [Write(1.0)]) as heard:
        model(tokens)
    assert [gates.step.shape for gates in heard] == [(2, 1, 5)] * 2
    with hearing(model, []) as none:
        model(tokens)
    assert none == []
    assert len(heard) == 2
    assert not any(part._forward_hooks for part in model.modules())


def test_a_model_without_gates_cannot_be_penalised():
    with pytest.raises(UserError, match="no layer of the model has gates"):
        cost([Write(1.0)], [], 1.0)


def test_recomputed_layers_pay_the_same():
    """Gradient checkpointing runs a layer twice; the penalty and its gradient do not change."""
    memory = MemoryConfig(heads=2, size=4, chunk=4, dead_zone=0.1)
    config = Config(vocab=11, width=8, heads=2, ff=8, window=4, layout=("mag",), memory=memory)
    found = []
    for checkpoint in (0, 4):
        torch.manual_seed(0)
        model = replace(config, checkpoint=checkpoint).build()
        tokens = torch.arange(10).view(1, 10)
        with hearing(model, [Write(1.0)]) as heard:
            logits, _ = model(tokens)
            paid = cost([Write(3.0), Decay(2.0)], heard, 1.0)
            (logits.logsumexp(-1).mean() + paid).backward()
        found.append((paid.item(), [p.grad for p in model.parameters() if p.grad is not None]))
    assert found[0][0] == pytest.approx(found[1][0], rel=1e-6)
    assert math.isfinite(found[0][0])
    assert found[0][0] > 0
    for plain, again in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(plain, again, atol=1e-6)
