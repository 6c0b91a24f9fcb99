"""The laws of deep memories beyond those of every rule: the equations, written out."""

import pytest
import torch
from torch import Tensor

from duotempo.rules import TitansMLP
from tests.laws.test_rule_laws import BATCH, TIME, VARIANTS, gap, inputs

DEEP = {name: rule for name, rule in VARIANTS.items() if isinstance(rule, TitansMLP)}


@pytest.mark.parametrize("rule", DEEP.values(), ids=DEEP.keys())
@pytest.mark.parametrize(("pads", "starts"), [(False, False), (True, False), (True, True)])
def test_a_deep_memory_is_its_equations_written_out(rule, pads, starts):
    """Titans, eq. 16-18, with matrices, one sequence at a time, gradients by autograd."""
    q, k, v, gates, base = inputs(rule, pads=pads, starts=starts)
    reads, _ = rule.loop(rule.init(BATCH, q), q, k, v, gates, base)
    for b in range(BATCH):
        first = memory = [w.clone() for w in base]
        surprise = [torch.zeros_like(w) for w in base]
        for t in range(TIME):
            if t % rule.chunk == 0:
                first = memory
            if starts and gates.starts[b, t]:
                first = memory = [w.clone() for w in base]
                surprise = [torch.zeros_like(w) for w in base]
            step = gates.at(t)
            at = [w.clone().requires_grad_() for w in first]
            error = answer(k[b, :, t : t + 1], at) - v[b, :, t : t + 1]
            grads = torch.autograd.grad(0.5 * error.pow(2).sum(), at)
            going = zip(surprise, grads, strict=True)
            surprise = [step.momentum[b] * s - step.size[b] * g for s, g in going]
            live = 1.0 if step.live is None else step.live[b]
            old = zip(memory, base, surprise, strict=True)
            memory = [w0 + step.keep[b] * (w - w0) + live * s for w, w0, s in old]
            assert gap(answer(q[b, :, t : t + 1], memory), reads[b, :, t : t + 1]) <= 1e-12


def answer(x: Tensor, weights: list[Tensor]) -> Tensor:
    """What a network of these weights answers."""
    for i, w in enumerate(weights):
        x = (torch.nn.functional.gelu(x) if i else x) @ w
    return x
