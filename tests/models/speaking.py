"""Native models that speak through Hugging Face, and what they are given to read, for tests."""

import torch

from duotempo.models.hf import DuotempoForCausalLM, wrap
from tests.models.native import native

LENGTHS = (13, 4, 9)


def model(kind: str) -> DuotempoForCausalLM:
    """A small model of a kind, in float64."""
    return wrap(native(kind))


def tokens(time: int = 13, batch: int = 2, seed: int = 0) -> torch.Tensor:
    return torch.randint(0, 19, (batch, time), generator=torch.Generator().manual_seed(seed))


def padded() -> dict[str, torch.Tensor]:
    """Rows of different lengths, pads in front; what stands under a pad must not matter."""
    mask = torch.stack([torch.arange(13) >= 13 - length for length in LENGTHS]).long()
    return {"input_ids": tokens(batch=3), "attention_mask": mask}


def say(mind: DuotempoForCausalLM, input_ids: torch.Tensor, **how) -> torch.Tensor:
    torch.manual_seed(5)
    mask = {} if "attention_mask" in how else {"attention_mask": torch.ones_like(input_ids)}
    how = {"max_new_tokens": 8, "pad_token_id": 0, **mask, **how}
    return mind.generate(input_ids, **how)
