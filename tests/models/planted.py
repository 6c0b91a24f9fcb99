"""A planted default model: a tiny Llama's GGUF file in a package that must not be imported."""

from pathlib import Path

import numpy as np
from gguf import GGUFWriter
from gguf.constants import TokenType
from transformers import LlamaForCausalLM

from duotempo.models.packaged import Packaged
from tests.models.tiny import END, tiny_llama, tiny_tokenizer

MERGES = ["h e", "t he"]
PARTS = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
PLANTED = Packaged(
    module="planted_weights",
    file="tiny.gguf",
    requirement="planted-weights==1.0",
    bytes=1_000_000,
)


def plant(folder: Path) -> LlamaForCausalLM:
    """Write the package into `folder`; returns the model that its GGUF file holds, in fp32."""
    package = folder / PLANTED.module
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('this code must not run')\n")
    model = LlamaForCausalLM.from_pretrained(tiny_llama(folder / "plain", layers=2))
    model.resize_token_embeddings(257 + len(MERGES), mean_resizing=False)
    for weight in model.parameters():  # so that nothing is lost on the way through bf16
        weight.data = weight.data.bfloat16().float()
    _write(model, package / PLANTED.file)
    return model


def _write(model: LlamaForCausalLM, path: Path) -> None:
    config, letters = model.config, tiny_tokenizer().get_vocab()
    tokens = sorted(letters, key=letters.__getitem__) + [m.replace(" ", "") for m in MERGES]
    writer = GGUFWriter(path, "llama")
    writer.add_vocab_size(config.vocab_size)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    kinds = [TokenType.CONTROL if token == END else TokenType.NORMAL for token in tokens]
    writer.add_token_types(kinds)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(256)
    writer.add_pad_token_id(256)
    writer.add_unk_token_id(256)
    writer.add_chat_template("{{ messages[0]['content'] }}")
    for name, weight in model.state_dict().items():
        writer.add_tensor(*_row_order(name, weight.numpy(), model))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _row_order(name: str, weight: np.ndarray, model: LlamaForCausalLM) -> tuple[str, np.ndarray]:
    """A weight under its GGUF name, query and key rows interleaved as llama.cpp wants them."""
    outer = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    stem = name.removesuffix(".weight")
    if stem in outer:
        return f"{outer[stem]}.weight", weight
    layer, _, part = stem.removeprefix("model.layers.").partition(".")
    heads = {
        "self_attn.q_proj": model.config.num_attention_heads,
        "self_attn.k_proj": model.config.num_key_value_heads,
    }.get(part)
    if heads:
        halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, weight.shape[1])
        weight = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))
    return f"blk.{layer}.{PARTS[part]}.weight", weight
