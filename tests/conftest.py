"""What holds in every test: one thread, and memory that nobody wrote is NaN, not luck."""

import os
import sys

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch is imported, which only some tests do


@pytest.fixture(autouse=True)
def unwritten_memory_is_nan() -> None:
    """Poison `torch.empty` and its kin, so that a read before a write cannot pass unseen."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.use_deterministic_algorithms(True)
        torch.utils.deterministic.fill_uninitialized_memory = True
