"""Tiny random models in folders, so that a test meets the real loading path within milliseconds."""

from pathlib import Path

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PretrainedConfig,
    PreTrainedTokenizerFast,
)
from transformers.utils import logging

END = "<|end|>"
CHAT = (
    "{% for message in messages %}{{ message['role'] + ': ' + message['content'] + '\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)


def tiny_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, plus an end: 257 tokens, so that any text can be written in them."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_only = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    bytes_only.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_only.decoder = decoders.ByteLevel()
    bytes_only.add_special_tokens([AddedToken(END, special=True, normalized=False)])
    return PreTrainedTokenizerFast(
        tokenizer_object=bytes_only, eos_token=END, pad_token=END, chat_template=CHAT
    )


def tiny_llama(
    folder: Path, *, layers: int = 4, width: int = 32, window: int = 256, seed: int = 0
) -> Path:
    """Write a random Llama (4 heads, 2 of keys and values; 257 tokens) into `folder`."""
    config = LlamaConfig(
        vocab_size=257,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=window,
        bos_token_id=None,
        eos_token_id=256,
        pad_token_id=256,
        initializer_range=0.2,  # wide enough that next-token scores differ visibly
    )
    return _write(LlamaForCausalLM, config, folder, seed)


def tiny_gpt2(
    folder: Path, *, layers: int = 4, width: int = 32, window: int = 256, seed: int = 0
) -> Path:
    """Write a random GPT-2 (4 heads, learned positions, Conv1D projections) into `folder`."""
    config = GPT2Config(
        vocab_size=257,
        n_embd=width,
        n_layer=layers,
        n_head=4,
        n_positions=window,
        bos_token_id=None,
        eos_token_id=256,
        pad_token_id=256,
        initializer_range=0.2,
    )
    return _write(GPT2LMHeadModel, config, folder, seed)


def _write(
    kind: type[LlamaForCausalLM | GPT2LMHeadModel],
    config: PretrainedConfig,
    folder: Path,
    seed: int,
) -> Path:
    logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        kind(config).save_pretrained(folder)
    tiny_tokenizer().save_pretrained(folder)
    return folder
