"""Readers as flow's subjects: facts that were slept on come out of the fast state, sums add up."""

from functools import cache

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from duotempo.flow import Probe, Question, cases, certificates, shares, swap
from duotempo.flow.subject import LATENT
from duotempo.models.pretrained import Pretrained
from duotempo.reader import Reader, Settings
from duotempo.reader.subject import Attached
from duotempo.reader.voice import FAST
from tests.models.tiny import tiny_tokenizer

KEYS, ANSWERS, FACTS, WINDOW = 40, 6, 6, 64
CHANNEL = {"weights": FAST, "latents": LATENT}
each = pytest.mark.parametrize("fast", CHANNEL)


@cache
def model():
    """A random Llama that knows nothing, of 64 tokens: keys and then answers."""
    config = LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=128, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=1024,
        initializer_range=0.1, bos_token_id=None, eos_token_id=None, pad_token_id=None,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = LlamaForCausalLM(config).eval().requires_grad_(False)
    return Pretrained("knows nothing", made, tiny_tokenizer(), "")


@cache
def subject(fast):
    """A reader that sleeps long over what has left its window."""
    return Attached(Reader(model(), Settings(fast=fast, window=WINDOW, passes=40, seed=1)))


def page(answers, repeats=40):
    """Keys with their answers, over and over in another order: what leaves the window is slept on,
    and what stays in it speaks for the sleep."""
    g = torch.Generator().manual_seed(0)
    order = torch.cat([torch.randperm(len(answers), generator=g) for _ in range(repeats)])
    return torch.stack((order, KEYS + answers[order]), 1).flatten()


def facts(kind="store"):
    """What a document says of each key; the twin says the next answer."""
    answers = torch.arange(FACTS) % ANSWERS
    twin = (answers + 1) % ANSWERS
    found = []
    for key in range(FACTS):
        right, rival = int(answers[key]), int(twin[key])
        others = [a for a in range(ANSWERS) if a not in (right, rival)]
        tokens = tuple(torch.tensor([KEYS + a]) for a in (right, rival, *others))
        question = Question(torch.tensor([key]), tokens)
        found.append(Probe(f"{key}", kind, (question,), page(answers), page(twin), has_rival=True))
    return found


@each
def test_what_was_slept_on_comes_out_of_the_fast_state(fast):
    ready = cases(subject(fast), facts())
    assert all(len(case.own.life.awake.window) == 0 for case in ready)
    rows = swap(subject(fast), ready)
    by = {(r.groups, r.how): r for r in rows}
    group = FAST if fast == "weights" else "slots"
    assert by[(), "as it is"].keep.value == 1
    assert by[(group,), "rival"].follow.value == 1
    assert by[("context",), "rival"].keep.value == 1
    assert by[(group,), "zero"].drop.value > 1
    assert next(c for c in certificates(rows, ready) if c.group == group).enough


@each
def test_direct_shares_sum_to_the_margin(fast):
    ready = cases(subject(fast), facts()[:2])
    found = shares(subject(fast), ready)
    assert (found.refused, found.mixed) == ("", False)
    assert found.error < 1e-4
    rows = {row.group: row for row in found.rows}
    margins = [case.probe.question.margin(case.plain.logits[-1]) for case in ready]
    total = sum(row.direct.value for row in rows.values() if row.direct)
    assert total == pytest.approx(sum(margins) / 2, rel=1e-4)
    group = FAST if fast == "weights" else "slots"
    assert max(rows, key=lambda name: rows[name].share or 0) == group
