"""A Llama in a GGUF file, rewritten as the folder that `from_pretrained` reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from gguf import GGUFReader
from gguf.constants import TokenType
from gguf.quants import dequantize
from safetensors.torch import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor
from transformers import GenerationConfig, LlamaConfig, PreTrainedTokenizerFast

from duotempo.core import Tell, silent

OUTER = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def convert(source: Path, folder: Path, *, tell: Tell = silent) -> None:
    """Write config.json, model.safetensors (bf16) and the tokenizer of `source` into `folder`.

    Raises `ValueError`, `KeyError` or `IndexError` for a file that is damaged or holds something
    other than a Llama with a SmolLM tokenizer, and `OSError` or `SafetensorError` when the folder
    cannot be written.
    """
    reader = GGUFReader(source)
    facts = {name: field.contents() for name, field in reader.fields.items()}
    if facts["general.architecture"] != "llama" or facts["tokenizer.ggml.pre"] != "smollm":
        raise ValueError(f"{source.name} holds no Llama with a SmolLM tokenizer")
    weights: dict[str, Tensor] = {}
    for number, tensor in enumerate(reader.tensors):
        tell("converting weights", number, len(reader.tensors))
        values = torch.from_numpy(dequantize(tensor.data, tensor.tensor_type).copy())
        name, heads = _name(tensor.name), _heads(tensor.name, facts)
        weights[name] = (unpermute(values, heads) if heads else values).to(torch.bfloat16)
    config = _config(facts, tied="lm_head.weight" not in weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    config.save_pretrained(folder)
    ends = {f"{end}_token_id": facts[f"tokenizer.ggml.{end}_token_id"] for end in ("bos", "eos")}
    pad = facts["tokenizer.ggml.padding_token_id"]
    GenerationConfig(**ends, pad_token_id=pad).save_pretrained(folder)
    _tokenizer(facts).save_pretrained(folder)
    tell("converting weights", len(reader.tensors), len(reader.tensors))


def unpermute(weight: Tensor, heads: int) -> Tensor:
    """Undo the row order that GGUF gives to query and key projections: there the two halves that
    a rotary pair is made of lie interleaved, here one half of a head follows the other."""
    rows, columns = weight.shape
    paired = weight.reshape(heads, rows // heads // 2, 2, columns)
    return paired.transpose(1, 2).reshape(rows, columns).contiguous()


def _name(name: str) -> str:
    """The Hugging Face name of a GGUF tensor."""
    if not name.startswith("blk."):
        return f"{OUTER[name.removesuffix('.weight')]}.weight"
    _, layer, part, kind = name.split(".")
    return f"model.layers.{layer}.{INNER[part]}.{kind}"


def _heads(name: str, facts: Mapping[str, Any]) -> int:
    """How many heads a query or key projection has; 0 for any other tensor."""
    if ".attn_q." in name:
        return facts["llama.attention.head_count"]
    return facts["llama.attention.head_count_kv"] if ".attn_k." in name else 0


def _config(facts: Mapping[str, Any], *, tied: bool) -> LlamaConfig:
    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        dtype="bfloat16",
        vocab_size=facts["llama.vocab_size"],
        hidden_size=facts["llama.embedding_length"],
        intermediate_size=facts["llama.feed_forward_length"],
        num_hidden_layers=facts["llama.block_count"],
        num_attention_heads=facts["llama.attention.head_count"],
        num_key_value_heads=facts["llama.attention.head_count_kv"],
        max_position_embeddings=facts["llama.context_length"],
        rms_norm_eps=round(facts["llama.attention.layer_norm_rms_epsilon"], 9),  # stored as fp32
        rope_parameters={"rope_type": "default", "rope_theta": facts["llama.rope.freq_base"]},
        tie_word_embeddings=tied,
        bos_token_id=facts["tokenizer.ggml.bos_token_id"],
        eos_token_id=facts["tokenizer.ggml.eos_token_id"],
        pad_token_id=facts["tokenizer.ggml.padding_token_id"],
    )


def _tokenizer(facts: Mapping[str, Any]) -> PreTrainedTokenizerFast:
    """Byte-level BPE that splits every digit off; the few control characters that SmolLM has no
    token for are left out of a text, as its own tokenizer does."""
    tokens = facts["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in facts["tokenizer.ggml.merges"]]
    bpe = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    digits = pre_tokenizers.Digits(individual_digits=True)
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.pre_tokenizer = pre_tokenizers.Sequence([digits, letters])
    bpe.decoder = decoders.ByteLevel()
    kinds = zip(tokens, facts["tokenizer.ggml.token_type"], strict=True)
    control = [token for token, kind in kinds if kind == TokenType.CONTROL]
    bpe.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in control])
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=tokens[facts["tokenizer.ggml.bos_token_id"]],
        eos_token=tokens[facts["tokenizer.ggml.eos_token_id"]],
        pad_token=tokens[facts["tokenizer.ggml.padding_token_id"]],
        unk_token=tokens[facts["tokenizer.ggml.unknown_token_id"]],
        chat_template=facts["tokenizer.chat_template"],
        clean_up_tokenization_spaces=False,
    )
