"""Laws of preferences: the loss by hand, the reference is left alone, the chosen win."""

import math

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.config import Config
from duotempo.tasks.sessions_pairs import contradicted
from duotempo.tasks.sessions_rows import words
from duotempo.train.preference import Pairs, Preferring, dpo, likelihood, prefer


def tiny():
    """One layer over the words of the invented world."""
    torch.manual_seed(0)
    return Config(vocab=len(words()), width=16, heads=2, window=None, ff=16, persistent=0,
                  layout=("attention",)).build().eval()  # fmt: skip


def test_the_loss_by_hand():
    one = torch.tensor
    ours, reference = (one([-1.0]), one([-5.0])), (one([-2.0]), one([-3.0]))
    wanted = math.log(1 + math.exp(-0.1 * ((-1 + 2) - (-5 + 3))))
    assert float(dpo(ours, reference, 0.1)) == pytest.approx(wanted)
    assert float(dpo(reference, reference, 0.1)) == pytest.approx(math.log(2))


def test_the_likelihood_is_of_the_outputs_alone():
    model = tiny()
    rows, _ = contradicted(0, 0, 2)
    with torch.no_grad():
        logits, _ = model(rows.tokens, None)
    logp = logits.log_softmax(-1).gather(-1, rows.targets[..., None])[..., 0]
    wanted = [float(p[a].sum()) for p, a in zip(logp, rows.answers, strict=True)]
    assert likelihood(model, rows).tolist() == pytest.approx(wanted, abs=1e-4)


def test_the_chosen_gain_on_the_rejected_and_the_reference_stays():
    model = tiny()
    before = {name: p.clone() for name, p in model.named_parameters()}
    rows = Pairs(*contradicted(0, 0, 4))
    learned, losses = prefer(model, lambda step: rows, Preferring(steps=12, rate=1e-2, warmup=0))
    assert all(p.equal(before[name]) for name, p in model.named_parameters())
    assert losses[0] == pytest.approx(math.log(2), abs=1e-5)
    assert losses[-1] < losses[0]
    with torch.no_grad():
        gap = [likelihood(m, rows.chosen) - likelihood(m, rows.rejected) for m in (model, learned)]
    assert (gap[1] > gap[0]).all()


def test_the_same_twice_is_the_same_bits():
    how = Preferring(steps=3, warmup=0)
    first, second = (prefer(tiny(), lambda n: Pairs(*contradicted(0, n, 2)), how)[0]
                     for _ in range(2))  # fmt: skip
    assert all(a.equal(b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_nonsense_is_refused():
    with pytest.raises(UserError, match="above 0"):
        Preferring(beta=0.0)
    with pytest.raises(UserError, match="needs one of both"):
        Pairs(contradicted(0, 0, 2)[0], contradicted(0, 0, 3)[1])
