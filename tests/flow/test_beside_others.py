"""Beside other instruments: the model's own hidden states, and captum where it is installed."""

import pytest
import torch

from duotempo.flow import cases, lens, shapley
from tests.flow.test_huggingface import facts, subject


@pytest.mark.parametrize("kind", ["llama", "gpt2", "parallel"])
def test_the_lens_equals_the_head_on_the_models_own_hidden_states(kind):
    model = subject(kind)
    case = cases(model, facts(1))[0]
    ids = torch.cat((model.start, case.probe.document, case.probe.question.tokens))[None]
    states = model.model(ids, output_hidden_states=True).hidden_states
    found = lens(model, case.plain, case.probe.question)
    norm, head = model.final.norm, model.model.get_output_embeddings()
    # behind the last layer theirs is normed already
    for layer, hidden in enumerate(states[1:-1]):
        logp = head(norm(hidden[0, -1:]))[0].log_softmax(-1)
        right = case.probe.question.firsts[0]
        assert found.probability[2 * (layer + 1)] == pytest.approx(float(logp.exp()[right]))
        assert found.entropy[2 * (layer + 1)] == pytest.approx(float(-(logp.exp() * logp).sum()))


def test_shapley_values_equal_captums():
    attr = pytest.importorskip("captum.attr")
    worth = torch.randn(8, generator=torch.Generator().manual_seed(1)).double()

    def theirs(rows):
        return worth[(rows.round().long() * torch.tensor([1, 2, 4])).sum(1)]

    wanted = attr.ShapleyValues(theirs).attribute(torch.ones(1, 3))[0].double()
    found = shapley(3, lambda present: float(worth[sum(2**player for player in present)]))
    assert found == pytest.approx(wanted.tolist(), abs=1e-6)
