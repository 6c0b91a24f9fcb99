"""Laws of native models in Hugging Face: logits, loss, saving, and what is refused."""

from dataclasses import replace

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.modeling_outputs import CausalLMOutputWithPast

from duotempo.core import UserError
from duotempo.models.config import Config
from duotempo.models.decoder import Decoder
from duotempo.models.hf import DuotempoConfig, DuotempoForCausalLM, wrap
from duotempo.models.memory import NeuralMemory
from tests.models.native import KINDS, native
from tests.models.speaking import model, padded, tokens

each_kind = pytest.mark.parametrize("kind", KINDS)


@torch.no_grad()
def test_pads_behind_a_text_harm_nothing_and_nothing_may_follow():
    mind, given = model("gated delta"), padded()
    ids, mask = given["input_ids"].flip(1), given["attention_mask"].flip(1)
    out = mind(ids, attention_mask=mask)
    alone = mind(ids[1:2, :4])
    assert (out.logits[1:2, :4] - alone.logits).abs().max() <= 1e-12
    with pytest.raises(UserError, match="pad on the left"):
        mind(ids[:, :1], past_key_values=out.past_key_values)
    with pytest.raises(UserError, match="pad on the left"):
        mind(ids, attention_mask=torch.tensor([[1] * 6 + [0] + [1] * 6] * 3))


def test_the_loss_is_that_of_the_next_token():
    mind, ids = model("mag").train(), tokens()
    labels = ids.clone()
    labels[:, :5] = -100
    out = mind(ids, labels=labels)
    logp = out.logits.float().log_softmax(-1)[:, :-1].gather(-1, ids[:, 1:, None])[..., 0]
    assert torch.allclose(out.loss, -logp[:, 4:].mean(), atol=1e-6)
    out.loss.backward()
    assert all(weight.grad is not None for weight in mind.parameters())
    assert torch.equal(mind(ids, labels=labels, return_dict=False)[0], out.loss)
    by_count = mind(ids, labels=labels, num_items_in_batch=torch.tensor(32)).loss
    assert torch.allclose(by_count, out.loss / 2)


@torch.no_grad()
@pytest.mark.parametrize("kept", [1, 3, torch.tensor([0, 4])])
def test_only_the_wanted_logits_are_computed(kept):
    mind = model("mag")
    rows = mind(tokens()).logits
    want = rows[:, -kept:] if isinstance(kept, int) else rows[:, kept]
    assert torch.allclose(mind(tokens(), logits_to_keep=kept).logits, want, rtol=0, atol=1e-12)


def test_checkpointing_is_the_configs():
    mind = model("mac").train()
    mind(tokens(), labels=tokens()).loss.backward()
    plain = [weight.grad.clone() for weight in mind.parameters()]
    mind.zero_grad()
    mind.activation_checkpointing_enable()
    assert mind.is_activation_checkpointing
    memories = [m for m in mind.modules() if isinstance(m, NeuralMemory)]
    assert {memory.checkpoint for memory in memories} == {64}
    for memory in memories:
        memory.checkpoint = 5
    mind(tokens(), labels=tokens()).loss.backward()
    for before, weight in zip(plain, mind.parameters(), strict=True):
        assert torch.allclose(before, weight.grad, rtol=0, atol=1e-6)
    mind.activation_checkpointing_disable()
    assert not mind.is_activation_checkpointing
    own = wrap(Decoder(replace(KINDS["mag"], checkpoint=7)))
    assert own.is_activation_checkpointing
    own.activation_checkpointing_enable()
    assert {m.checkpoint for m in own.modules() if isinstance(m, NeuralMemory)} == {7}
    with pytest.raises(UserError, match="this model has none"):
        model("window").activation_checkpointing_enable()


@each_kind
@torch.no_grad()
def test_saving_and_loading_keeps_every_bit(kind, tmp_path):
    mind = model(kind)
    mind.save_pretrained(tmp_path)
    assert {p.suffix for p in tmp_path.iterdir()} == {".json", ".safetensors"}
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert isinstance(again, DuotempoForCausalLM)
    assert again.config.native_config == KINDS[kind]
    pairs = zip(again.model.parameters(), native(kind).parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    # where the weights lie in memory can move a product by a bit
    torch.testing.assert_close(again(tokens()).logits, mind(tokens()).logits)


@torch.no_grad()
def test_a_half_type_is_for_autocast_and_not_for_weights(tmp_path):
    mind = model("mac").float()
    mind.save_pretrained(tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.bfloat16)
    assert {weight.dtype for weight in again.parameters()} == {torch.float32}
    assert torch.equal(again(tokens()).logits, mind(tokens()).logits)
    with pytest.raises(UserError, match="keep them in float32"):
        mind.bfloat16()(tokens())


def test_a_new_model_is_the_decoder_that_its_config_describes():
    torch.manual_seed(3)
    bare = Decoder(Config())
    torch.manual_seed(3)
    mind = AutoModelForCausalLM.from_config(DuotempoConfig(native=Config().to_dict()))
    for (name, a), b in zip(bare.named_parameters(), mind.model.parameters(), strict=True):
        assert torch.equal(a, b), name
    config = mind.config
    sizes = (config.vocab_size, config.hidden_size, config.num_hidden_layers)
    assert (*sizes, config.num_attention_heads) == (256, 128, 2, 4)
    assert (mind.generation_config.eos_token_id, mind.generation_config.pad_token_id) == (0, 0)
    assert mind.get_input_embeddings() is mind.model.embedding
    assert mind.get_output_embeddings() is mind.model.head
    mind.set_output_embeddings(torch.nn.Linear(128, 256))
    assert mind.get_output_embeddings() is mind.model.head


def test_a_wrapped_decoder_is_no_copy():
    bare = native("mac")
    before = torch.get_rng_state()
    mind = wrap(bare)
    assert mind.model is bare
    assert not mind.training
    assert torch.equal(torch.get_rng_state(), before)


def test_a_config_survives_saving(tmp_path):
    config = DuotempoConfig(native=KINDS["mal"].to_dict())
    config.save_pretrained(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).native_config == KINDS["mal"]
    assert DuotempoConfig().native_config == Config()


@pytest.mark.parametrize(
    ("native_config", "says"),
    [([], "no set of values"), ({"widht": 4}, "widht"), ({"width": 0}, "width=0")],
)
def test_wrong_configs_are_refused(native_config, says):
    with pytest.raises(UserError, match=says):
        DuotempoConfig(native=native_config)


def test_weights_that_a_file_lacks_are_not_made_up(tmp_path):
    config = DuotempoConfig(native=replace(KINDS["mag"], ff=20).to_dict())
    model("mag").save_pretrained(tmp_path)
    config.save_pretrained(tmp_path)
    with pytest.raises(UserError, match="the file lacks the weight of a Linear"):
        AutoModelForCausalLM.from_pretrained(tmp_path, ignore_mismatched_sizes=True)


WRONG = {
    "reads tokens": {"input_ids": None, "inputs_embeds": torch.zeros(1, 2, 12)},
    "output_attentions is nothing": {"output_attentions": True},
    "of shape": {"attention_mask": torch.ones(2, 1, 13, 13)},
    "attention_mask is of shape": {"attention_mask": torch.ones(2, 4)},
}


@pytest.mark.parametrize("says", WRONG)
def test_what_a_native_model_has_not_is_refused(says):
    with pytest.raises(UserError, match=says):
        model("mag")(**{"input_ids": tokens(), **WRONG[says]})


def test_outputs_are_hugging_faces():
    out = model("mag")(tokens())
    assert isinstance(out, CausalLMOutputWithPast)
    assert out.loss is None
    assert model("mag")(tokens(), use_cache=False).past_key_values is None
