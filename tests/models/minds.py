"""Tiny bodies and fast states that say something, for laws over them."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from transformers import (
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
    Qwen2MoeConfig,
    Qwen2MoeForCausalLM,
)

from duotempo.models.body import Body, open_body
from duotempo.models.pretrained import load, quiet
from duotempo.sleep.latents import Latents
from duotempo.sleep.passes import FastState
from duotempo.sleep.weights import Weights
from tests.models.tiny import tiny_gpt2, tiny_llama

SIZES = {
    "vocab_size": 257,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 256,
    "bos_token_id": None,
    "eos_token_id": 256,
    "pad_token_id": 256,
}
GROUPED = SIZES | {"intermediate_size": 32, "num_key_value_heads": 2, "initializer_range": 0.2}
OTHERS = {
    "sliding": lambda: MistralForCausalLM(MistralConfig(**GROUPED, sliding_window=8)),
    "eager": lambda: MistralForCausalLM(
        MistralConfig(**GROUPED, sliding_window=None, attn_implementation="eager")
    ),
    "no mlp": lambda: OPTForCausalLM(OPTConfig(**SIZES, ffn_dim=32, word_embed_proj_dim=16)),
    "experts": lambda: MixtralForCausalLM(MixtralConfig(**GROUPED, num_local_experts=2)),
    "shared expert": lambda: Qwen2MoeForCausalLM(
        Qwen2MoeConfig(
            **GROUPED, num_experts=4, moe_intermediate_size=16, shared_expert_intermediate_size=16
        )
    ),
    "recurrent": lambda: MambaForCausalLM(
        MambaConfig(vocab_size=257, hidden_size=16, num_hidden_layers=2)
    ),
}
TINY = {"llama": tiny_llama, "gpt2": tiny_gpt2}


@cache
def a_model(kind: str) -> PreTrainedModel:
    """A tiny random model in fp32; frozen, and shared by all who ask."""
    if kind in TINY:
        with TemporaryDirectory() as folder:
            TINY[kind](Path(folder), layers=2, width=16)
            return load(folder, dtype=torch.float32).model
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(0)
        return OTHERS[kind]().eval().requires_grad_(False)


@cache
def a_body(kind: str) -> Body:
    """The body of `a_model`."""
    return open_body(a_model(kind))


def a_memory(body: Body, kind: str, size: int = 2, seed: int = 1) -> FastState:
    """A random fast state that changes what the body says, in fp32."""
    g = torch.Generator().manual_seed(seed)
    start = Weights(rank=size) if kind == "weights" else Latents(count=size)
    state = start.init(body, torch.randint(257, (size,), generator=g), seed)
    return state.replaced(
        {n: t + 0.3 * torch.randn(t.shape, generator=g) for n, t in state.tensors.items()}
    )


def some_ids(time: int, seed: int = 0, batch: int = 1) -> torch.Tensor:
    """Random token ids, [batch, time]."""
    return torch.randint(257, (batch, time), generator=torch.Generator().manual_seed(seed))
