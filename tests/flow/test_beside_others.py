"""Beside other instruments: the model's own hidden states, nnsight, captum's Shapley values.

The conventions. A lens norms each depth by that depth's own scale. A direct part is what a module
gave, through the last norm with its gain and the scale it has at the last token, toward the
answer's row of the head less the mean of the alternatives' rows; the embedding is a part of its
own, and so are biases.
"""

import pytest
import torch

from duotempo.flow import cases, lens, shapley
from duotempo.flow.direct import direct
from tests.flow.test_huggingface import facts, subject

each = pytest.mark.parametrize("kind", ["llama", "gpt2", "parallel"])
MODULES = {
    "llama": ("model.layers", "self_attn"),
    "gpt2": ("transformer.h", "attn"),
    "parallel": ("gpt_neox.layers", "attention"),
}
"""The list of layers and their attention, by their own names."""


def asked(kind):
    """A subject, a case, and all of its tokens in one row."""
    model = subject(kind)
    case = cases(model, facts(1))[0]
    ids = torch.cat((model.start, case.probe.document, case.probe.question.tokens))[None]
    return model, case, ids


def recorded(kind, model, ids):
    """By nnsight, at the last token: the streams behind each layer, and what was added: what enters
    the first layer, then what attention and MLP of each gave."""
    nnsight = pytest.importorskip("nnsight")
    path, attention = MODULES[kind]
    other = nnsight.NNsight(model.model)
    layers = other.get(path)
    streams, parts = [], []
    with other.trace(ids):
        parts.append(layers[0].input[0, -1].save())
        for layer in layers:
            parts.append(getattr(layer, attention).output[0][0, -1].save())
            parts.append(layer.mlp.output[0, -1].save())
            streams.append(layer.output[0].view(-1, 16)[-1].save())
    return torch.stack(streams), torch.stack(parts)


@each
def test_the_lens_equals_the_head_on_the_models_own_hidden_states(kind):
    model, case, ids = asked(kind)
    states = model.model(ids, output_hidden_states=True).hidden_states
    # behind the last layer theirs is normed already
    rows = torch.stack([hidden[0, -1] for hidden in states[1:-1]])
    _same_lens(model, case, rows)


@each
def test_the_lens_equals_the_head_on_what_nnsight_records(kind):
    model, case, ids = asked(kind)
    _same_lens(model, case, recorded(kind, model, ids)[0])


def _same_lens(model, case, rows):
    """A lens over the streams behind layers, by hand."""
    found = lens(model, case.plain, case.probe.question)
    norm, head = model.final.norm, model.model.get_output_embeddings()
    right = case.probe.question.firsts[0]
    for layer, logp in enumerate(head(norm(rows)).log_softmax(-1)):
        at = 2 * (layer + 1)
        assert found.probability[at] == pytest.approx(float(logp.exp()[right]))
        assert found.entropy[at] == pytest.approx(float(-(logp.exp() * logp).sum()))


@each
def test_direct_parts_equal_those_made_of_what_nnsight_records(kind):
    model, case, ids = asked(kind)
    streams, parts = recorded(kind, model, ids)
    norm, last, question = model.final.norm, streams[-1], case.probe.question
    head = model.model.get_output_embeddings().weight
    row = head[question.firsts[0]] - head[question.firsts[1:]].mean(0)
    if hasattr(norm, "bias"):  # LayerNorm
        parts, last = parts - parts.mean(-1, keepdim=True), last - last.mean()
    eps = getattr(norm, "variance_epsilon", None) or getattr(norm, "eps", None)
    scale = (last.square().mean() + eps).rsqrt()
    found = direct(model.final, case.plain, question)
    torch.testing.assert_close(found.places, parts * scale * norm.weight @ row)


def test_shapley_values_equal_captums():
    attr = pytest.importorskip("captum.attr")
    worth = torch.randn(8, generator=torch.Generator().manual_seed(1)).double()

    def theirs(rows):
        return worth[(rows.round().long() * torch.tensor([1, 2, 4])).sum(1)]

    wanted = attr.ShapleyValues(theirs).attribute(torch.ones(1, 3))[0].double()
    found = shapley(3, lambda present: float(worth[sum(2**player for player in present)]))
    assert found == pytest.approx(wanted.tolist(), abs=1e-6)
