"""A tiny chat policy with random weights, built in memory, that the tests of the room share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from duotempo.adapt.chat import ChatPolicy
from duotempo.adapt.policy import Asked
from duotempo.tasks.verifiable import Problem, Score
from tests.models.tiny import tiny_tokenizer

PROBLEMS = [Problem(text) for text in ("one", "two and two", "three")]


def llama() -> LlamaForCausalLM:
    """Two layers, 257 tokens: one a byte, and an end."""
    config = LlamaConfig(
        vocab_size=257, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=256,
        bos_token_id=None, eos_token_id=256, pad_token_id=256, initializer_range=0.3,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return LlamaForCausalLM(config).eval()


def policy(rank: int | None = 2, template: str | None = None, **options: Any) -> ChatPolicy:
    """A policy whose answers are at most 6 bytes."""
    if rank:
        pytest.importorskip("peft")
    tokenizer = tiny_tokenizer()
    if template is not None:
        tokenizer.chat_template = template
    return ChatPolicy(llama(), tokenizer, rank=rank, **{"longest": 6, "piece": None, **options})


def asked(*prompts: str) -> list[Asked]:
    """Every problem under every prompt."""
    return [Asked(prompt, problem) for problem in PROBLEMS for prompt in prompts]


def eager(policy: ChatPolicy) -> ChatPolicy:
    """The policy, its base now apt to end an answer at any place."""
    head = (policy.base or policy.model.get_base_model()).lm_head
    ours = policy.model if policy.base is not None else policy.model.get_base_model()
    with torch.no_grad():
        for each in {id(head): head, id(ours.lm_head): ours.lm_head}.values():
            each.weight[256] *= 12
    return policy


@dataclass(frozen=True)
class Bytes:
    """A task whose score is the share of small letters, which random weights get in part."""

    seed_prompt: str = "Write."

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """Numbers as text."""
        return [Problem(f"{split} {i}") for i in range(30)]

    def score(self, problem: Problem, answer: str) -> Score:
        """The share of small letters."""
        small = sum(letter.islower() for letter in answer)
        return Score(small / max(1, len(answer)), "more small letters")
