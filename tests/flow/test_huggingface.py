"""Hugging Face models as subjects: writes sum to the stream, states are swapped and rebuilt."""

from functools import cache

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    Gemma2Config,
    GPT2Config,
    GPTNeoXConfig,
    GraniteConfig,
    Lfm2Config,
    Lfm2ForCausalLM,
    LlamaConfig,
    Mamba2Config,
    Mamba2ForCausalLM,
    MambaConfig,
    Olmo2Config,
    OpenAIGPTConfig,
    RecurrentGemmaConfig,
)

from duotempo.core import UserError
from duotempo.flow import Probe, Question, Subject, cases, emergence, shares, sufficiency, swap
from duotempo.flow.huggingface import RECURRENT, HuggingFace
from duotempo.flow.subject import ATTENTION, MIXED, WEIGHTS

SMALL = {
    "vocab_size": 61, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3,
    "num_attention_heads": 2, "num_key_value_heads": 1, "max_position_embeddings": 64,
    "initializer_range": 0.3, "bos_token_id": None, "eos_token_id": None, "pad_token_id": None,
}  # fmt: skip
PLAIN = {k: v for k, v in SMALL.items() if k != "num_key_value_heads"}
CONFIGS = {
    "llama": LlamaConfig(**SMALL),
    "gpt2": GPT2Config(
        vocab_size=61, n_embd=16, n_layer=3, n_head=2, n_positions=64, initializer_range=0.3
    ),
    "parallel": GPTNeoXConfig(**PLAIN),
    "sandwich": Gemma2Config(**SMALL, head_dim=8, final_logit_softcapping=None, sliding_window=8),
    "behind": Olmo2Config(**SMALL),
    "scaled": GraniteConfig(**SMALL, residual_multiplier=0.3),
    "capped": Gemma2Config(**SMALL, head_dim=8, final_logit_softcapping=3.0, sliding_window=64),
}


@cache
def subject(kind):
    """A tiny random model of a kind in double precision; texts begin with token 1."""
    with torch.random.fork_rng():
        torch.manual_seed(3)
        model = AutoModelForCausalLM.from_config(CONFIGS[kind], attn_implementation="eager")
    return HuggingFace(model.double().requires_grad_(False), (1,))


def some(count, seed=0):
    """Random tokens."""
    return torch.randint(2, 61, (count,), generator=torch.Generator().manual_seed(seed))


def facts(count=3):
    """Probes about nothing, for models that know nothing."""
    found = []
    for i in range(count):
        question = Question(some(4, i), tuple(some(1, 100 + i) + j for j in range(3)))
        twin = some(9, 20 + i)
        found.append(Probe(str(i), "near", (question,), some(9, 10 + i), twin, has_rival=True))
    return found


each = pytest.mark.parametrize("kind", CONFIGS)


@each
def test_a_trace_is_the_models_own_run(kind):
    model = subject(kind)
    assert isinstance(model, Subject)
    document, question = some(9), some(5, 1)
    trace = model.run(question, model.read(document, model.empty()))
    ids = torch.cat((torch.tensor([1]), document, question))[None]
    wanted = model.model(ids).logits[0, -5:]
    torch.testing.assert_close(trace.logits, wanted)
    torch.testing.assert_close(model.unembed(trace.streams[-1]), wanted)
    assert {place.channel for place in trace.places[1:]} == {ATTENTION, WEIGHTS}
    assert len(trace.places) == len(trace.streams) == 7


@each
def test_writes_that_stay_as_they_are_change_nothing(kind):
    model = subject(kind)
    tokens = some(6)
    plain = model.run(tokens, model.empty())
    same = model.run(tokens, model.empty(), lambda place, write: write)
    torch.testing.assert_close(same.streams, plain.streams)
    torch.testing.assert_close(same.logits, plain.logits)


@each
def test_a_changed_write_is_in_the_stream_and_below_it_nothing_moves(kind):
    model = subject(kind)
    tokens, at = some(6), 3
    plain = model.run(tokens, model.empty())
    name = model.places[at].name

    def change(place, write):
        return torch.ones_like(write) if place.name == name else write

    trace = model.run(tokens, model.empty(), change)
    torch.testing.assert_close(trace.writes[at], torch.ones(6, 16, dtype=torch.float64))
    torch.testing.assert_close(trace.streams[:at], plain.streams[:at])
    assert not torch.allclose(trace.logits, plain.logits)
    torch.testing.assert_close(model.unembed(trace.streams[-1]), trace.logits)


@each
def test_the_cache_is_made_of_the_stream(kind):
    model = subject(kind)
    found = sufficiency(model, some(7), model.read(some(5, 4), model.empty()), tokens=2)
    assert found.sufficient, found.ways
    outside = {way.name: way.kl for way in found.outside}
    assert outside[ATTENTION] > 1e-3  # what was read before the text
    assert all(way.kl < 1e-12 for way in sufficiency(model, some(7), tokens=1).outside)


@each
def test_the_twins_cache_is_the_twins_text(kind):
    model = subject(kind)
    own, twin = (model.read(some(9, seed), model.empty()) for seed in (1, 2))
    swapped = model.swapped(own, twin, [ATTENTION])
    question = some(4, 3)
    torch.testing.assert_close(
        model.run(question, swapped).logits, model.run(question, twin).logits
    )


@pytest.mark.parametrize("kind", ["llama", "parallel", "behind", "scaled"])
def test_a_knock_out_leaves_the_start_token_and_the_question(kind):
    model = subject(kind)
    state = model.zeroed(model.read(some(9), model.empty()), [ATTENTION])
    other = model.zeroed(model.read(some(9, 7), model.empty()), [ATTENTION])
    question = some(4, 3)
    gone = model.run(question, state).logits
    torch.testing.assert_close(gone, model.run(question, other).logits)
    assert not torch.allclose(gone, model.run(question, model.read(some(9), model.empty())).logits)


@each
def test_direct_parts_sum_or_are_refused(kind):
    model = subject(kind)
    ready = cases(model, facts(1))
    found = shares(model, ready)
    rows = {row.group: row for row in found.rows}
    if kind == "capped":
        assert "measured, not summed" in found.refused
        assert rows["context"].direct is None
    else:
        assert found.error < 1e-6  # their norms work in single precision
        margin = ready[0].probe.question.margin(ready[0].plain.logits[-1])
        assert sum(row.direct.value for row in found.rows if row.direct) == pytest.approx(margin)
    assert rows["context"].total is not None
    assert not found.mixed


def test_a_layer_that_adds_otherwise_is_one_place():
    model = AutoModelForCausalLM.from_config(CONFIGS["llama"]).double().requires_grad_(False)
    layer = model.model.layers[1]
    plain = layer.forward
    layer.forward = lambda x, *args, **more: plain(x, *args, **more) * 1.1
    found = HuggingFace(model)
    assert [place.channel for place in found.places].count(MIXED) == 1
    made = shares(found, cases(found, facts(1)))
    assert made.mixed
    assert made.refused == ""
    assert {row.group for row in made.rows} == {"context", "weights", "embed", "bias", MIXED}


def test_the_lens_ends_in_the_models_own_prediction_behind_a_soft_cap():
    model = subject("capped")
    found = emergence(model, cases(model, facts()))
    assert found.depths[-1].kl.value == pytest.approx(0, abs=1e-12)


def test_no_store_says_none():
    model = subject("llama")
    rows = swap(model, cases(model, facts(2)))
    assert model.stores == (ATTENTION,)
    assert {row.groups for row in rows} == {(), ("context",), ("weights",), ("context", "weights")}
    weights = next(r for r in rows if r.groups == ("weights",) and r.how == "rival")
    assert weights.follow is weights.keep is None


def test_texts_longer_than_the_window_are_refused():
    model = subject("llama")
    with pytest.raises(UserError, match="shorter documents"):
        model.read(some(65), model.empty())


def test_a_model_without_a_list_of_layers_is_refused_in_words_of_flow():
    model = AutoModelForCausalLM.from_config(LlamaConfig(**SMALL))
    model.config.num_hidden_layers = 7
    with pytest.raises(UserError, match="stream cannot be read by flow"):
        HuggingFace(model)


def test_what_reads_a_recurrent_state_is_the_stores_write():
    torch.manual_seed(3)
    config = Lfm2Config(**SMALL, layer_types=["conv", "full_attention", "conv"])
    model = HuggingFace(Lfm2ForCausalLM(config).double().requires_grad_(False), (1,))
    assert model.stores == (ATTENTION, RECURRENT)
    assert [place.channel for place in model.places[1::2]] == [RECURRENT, ATTENTION, RECURRENT]
    found = shares(model, cases(model, facts(1)))
    rows = {row.group: row for row in found.rows}
    assert (found.refused, found.mixed) == ("", False)
    assert rows[RECURRENT].direct.value != 0 != rows[RECURRENT].total.value


def test_a_recurrent_model_that_takes_its_cache_by_another_name_is_read():
    sizes = {k: SMALL[k] for k in ("vocab_size", "hidden_size", "num_hidden_layers")}
    config = Mamba2Config(**sizes, num_heads=4, head_dim=8, state_size=4, n_groups=1)
    model = HuggingFace(Mamba2ForCausalLM(config).double().requires_grad_(False), (1,))
    document, question = some(9), some(5, 1)
    found = model.run(question, model.read(document, model.empty())).logits
    whole = model.model(torch.cat((model.start, document, question))[None]).logits[0, -5:]
    torch.testing.assert_close(found, whole, rtol=1e-4, atol=1e-5, check_dtype=False)


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (MambaConfig(**SMALL), "would be lost"),
        (OpenAIGPTConfig(vocab_size=61, n_embd=16, n_layer=2, n_head=2), "would be lost"),
        (
            RecurrentGemmaConfig(**SMALL | {"num_hidden_layers": 2}, lru_width=16),
            "cannot be read part by part",
        ),
    ],
)
def test_a_model_that_forgets_what_it_has_read_is_refused(config, why):
    with pytest.raises(UserError, match=why):
        HuggingFace(AutoModelForCausalLM.from_config(config))


def test_no_tap_is_left_behind():
    model = subject("llama")
    before = _hooks(model.model)
    with pytest.raises(RuntimeError, match="stop"):
        model.run(some(3), model.empty(), _stop)
    assert _hooks(model.model) == before


def _hooks(model):
    """How many hooks each module has; their own library leaves some."""
    return [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]


def _stop(place, write):
    raise RuntimeError("stop")
