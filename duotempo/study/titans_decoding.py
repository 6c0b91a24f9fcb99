"""Milliseconds of one more token, far into a stream: ours, the peer's, a transformer's cache."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.utils._pytree import tree_leaves
from transformers import LlamaConfig, LlamaForCausalLM, StaticCache
from transformers.cache_utils import StaticLayer

from duotempo.models.config import Config
from duotempo.models.decoder import Decoder
from duotempo.study.titans_systems import OURS, PEER, Sizes, need_peer

CACHE = "transformer"
DEPTH, HEADS, WINDOW, VOCAB = 4, 4, 128, 256
Step = Callable[[], object]


@dataclass(frozen=True)
class Decoding:
    """A stream in its place: one more token at a call, and the bytes it keeps."""

    step: Step
    bytes: int

    def milliseconds(self, tokens: int) -> float:
        """Of one token: the median of so many, after two to warm up."""
        times = []
        for _ in range(tokens + 2):
            begun = time.perf_counter()
            self.step()
            times.append(time.perf_counter() - begun)
        return 1000 * sorted(times[2:])[tokens // 2]


def decoding(name: str, sizes: Sizes, position: int) -> Decoding:
    """A model of four layers that stands at `position`."""
    torch.manual_seed(0)
    if name == PEER:
        return _peer(sizes, position)
    return _cached(sizes, position) if name == CACHE else _ours(name, sizes, position)


def _ours(name: str, sizes: Sizes, position: int) -> Decoding:
    """MAG blocks. They read as much as fills chunks and window, then are told their position:
    what a token costs hangs on nothing else, as the 2M-token stream shows by reading it."""
    config = Config(
        width=sizes.width, heads=HEADS, window=WINDOW, layout=("mag",) * DEPTH,
        ff=sizes.width * 8 // 3, vocab=VOCAB, memory=replace(sizes.memory(name), kernel=4),
    )  # fmt: skip
    model = Decoder(config).eval()
    with torch.no_grad():
        _, state = model(torch.randint(0, VOCAB, (1, 2 * WINDOW)))
    held = replace(state, position=torch.full_like(state.position, position))
    token = torch.randint(0, VOCAB, (1, 1))

    @torch.no_grad()
    def step() -> None:
        nonlocal held
        _, held = model(token, held)

    return Decoding(step, held.bytes)


@torch.no_grad()
def _cached(sizes: Sizes, position: int) -> Decoding:
    """A Llama of the same width and depth, with a cache of keys and values set aside in full."""
    config = LlamaConfig(
        vocab_size=VOCAB, hidden_size=sizes.width, intermediate_size=sizes.width * 8 // 3,
        num_hidden_layers=DEPTH, num_attention_heads=HEADS, num_key_value_heads=HEADS,
        max_position_embeddings=position,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    cache = StaticCache(config=config, max_cache_len=position)
    token, place = torch.randint(0, VOCAB, (1, 1)), torch.tensor([[position - 1]])

    model(token, position_ids=place, past_key_values=cache, use_cache=True)
    layers = [layer for layer in cache.layers if isinstance(layer, StaticLayer)]
    held = [x for layer in layers for x in (layer.keys, layer.values) if x is not None]
    for x in held:
        x.normal_()

    @torch.no_grad()
    def step() -> None:
        for layer in layers:
            layer.cumulative_length.fill_(position - 1)  # always the last place of the cache
        model(token, position_ids=place, past_key_values=cache, use_cache=True)

    return Decoding(step, sum(x.nbytes for x in held))


@torch.no_grad()
def _peer(sizes: Sizes, position: int) -> Decoding:
    """The peer's memory-as-context model after reading `position` tokens, with its cache."""
    model = need_peer().MemoryAsContextTransformer(
        num_tokens=VOCAB, dim=sizes.width, depth=DEPTH, segment_len=WINDOW, heads=HEADS,
        dim_head=sizes.width // HEADS, num_persist_mem_tokens=4, num_longterm_mem_tokens=16,
    ).eval()  # fmt: skip
    tokens = torch.randint(0, VOCAB, (1, position))
    total = model.seq_len_with_longterm_mem(position + 64)
    outer = model.axial_pos_emb.maybe_derive_outer_dim(total, (model.neural_memory_segment_len,))
    places = model.axial_pos_emb(outer, return_factorized=True)
    _, cache = model(tokens, return_cache=True, factorized_pos_emb=places)
    more = tokens[:, -1:]

    @torch.no_grad()
    def step() -> None:
        nonlocal tokens, cache
        tokens, logits = torch.cat((tokens, more), 1), None
        while logits is None:  # a memory token of its own takes a call without an answer
            logits, cache = model(tokens, return_cache=True, cache=cache, factorized_pos_emb=places)

    leaves = (leaf for leaf in tree_leaves(cache) if isinstance(leaf, torch.Tensor))
    return Decoding(step, sum(leaf.nbytes for leaf in leaves))


DECODED = (*OURS, CACHE, PEER)
"""All that decode, the slowest to set up last."""
