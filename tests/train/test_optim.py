"""Optimisers: what decays, which matrices are Muon's, how the rate goes, how gradients are cut."""

import math

import pytest
import torch
from torch import nn

from duotempo.train import AdamW, Muon
from duotempo.train.optim import clip, cosine, set_rate
from tests.train.tiny import Config


def test_only_matrices_decay():
    model = Config().build()
    (optimiser,) = AdamW(decay=0.5).build(model)
    decay = {id(p): g["weight_decay"] for g in optimiser.param_groups for p in g["params"]}
    for parameter in model.parameters():
        assert decay.pop(id(parameter)) == (0.5 if parameter.ndim == 2 else 0.0)
    assert decay == {}


def test_muon_takes_the_hidden_matrices_and_adamw_the_rest():
    model = Config().build()
    muon, rest = Muon().build(model)
    names = {id(p): name for name, p in model.named_parameters()}
    taken = {names[id(p)] for g in muon.param_groups for p in g["params"]}
    others = {names[id(p)] for g in rest.param_groups for p in g["params"]}
    hidden = {f"blocks.{n}.{part}.weight" for n in (0, 1) for part in ("gate.project", "inner")}
    assert taken == hidden
    assert others == set(names.values()) - hidden


def test_a_head_that_is_tied_to_the_embedding_is_not_hidden():
    model = nn.ModuleDict({"table": nn.Embedding(5, 3), "out": nn.Linear(3, 5, bias=False)})
    model["inner"] = nn.Linear(3, 3, bias=False)
    model["out"].weight = model["table"].weight
    muon, _ = Muon().build(model)
    assert [p is model["inner"].weight for g in muon.param_groups for p in g["params"]] == [True]


@pytest.mark.parametrize("maker", [AdamW(), Muon()])
def test_one_step_has_about_the_size_of_the_rate(maker):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(32, 32))
    optimisers = maker.build(model)
    before = model[0].weight.detach().clone()
    model[0].weight.grad = torch.randn(32, 32)
    set_rate(optimisers, 1e-3)
    for optimiser in optimisers:
        optimiser.step()
    size = (model[0].weight - before).square().mean().sqrt().item()
    assert 1e-4 < size < 2e-3


def test_the_rate_rises_and_falls():
    rates = [cosine(place, 100, 10, 0.1) for place in range(101)]
    assert rates[:10] == pytest.approx([n / 10 for n in range(1, 11)])
    assert max(rates) == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[55] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)
    assert [cosine(place, 5, 0, 1.0) for place in range(5)] == [1.0] * 5


def test_gradients_are_cut_together():
    parts = [nn.Parameter(torch.zeros(2)) for _ in range(3)]
    parts[0].grad, parts[1].grad = torch.tensor([3.0, 0.0]), torch.tensor([0.0, 4.0])
    assert clip(parts, 1.0) == pytest.approx(5.0)
    assert math.hypot(*parts[0].grad, *parts[1].grad) == pytest.approx(1.0, rel=1e-5)
    assert parts[0].grad[0] / parts[1].grad[1] == pytest.approx(0.75)
    assert clip(parts, 10.0) == pytest.approx(1.0, rel=1e-5)
    assert math.hypot(*parts[0].grad, *parts[1].grad) == pytest.approx(1.0, rel=1e-5)
