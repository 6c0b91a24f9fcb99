"""Laws of `generate`: a cache changes nothing, a turn goes on where the last one ended."""

import copy

import pytest
import torch
from torch.utils._pytree import tree_leaves
from transformers import DynamicCache

from duotempo.core import UserError
from duotempo.models.cache import StateCache, placed
from tests.models.native import KINDS, exact
from tests.models.speaking import LENGTHS, model, padded, say, tokens

each_kind = pytest.mark.parametrize("kind", KINDS)
WAYS = {
    "greedy": {},
    "sampled": {"do_sample": True, "temperature": 0.8, "top_k": 7},
    "beams": {"num_beams": 3},
    "sampled beams": {"num_beams": 2, "do_sample": True},
    "several": {"do_sample": True, "num_return_sequences": 3},
}


@each_kind
@pytest.mark.parametrize("way", ["greedy", "sampled", "beams"])
def test_a_cache_changes_no_token(kind, way):
    """In a batch with pads in front, whether or not chunks and segments count them."""
    mind = model(kind)
    cached, plain = (say(mind, **padded(), use_cache=use, **WAYS[way]) for use in (True, False))
    assert cached.shape[1] == 21
    assert torch.equal(cached, plain)


@pytest.mark.parametrize("way", WAYS)
def test_a_cache_changes_no_token_whatever_the_search(way):
    mind = model("mag")
    cached, plain = (say(mind, tokens(), use_cache=use, **WAYS[way]) for use in (True, False))
    assert torch.equal(cached, plain)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if exact(kind)])
def test_a_padded_row_says_what_it_says_alone(kind):
    """Only where nothing counts tokens: chunks and segments that begin with pads end elsewhere."""
    mind = model(kind)
    together = say(mind, **padded())[:, 13:]
    for row, length in enumerate(LENGTHS):
        alone = say(mind, tokens(batch=3)[row : row + 1, 13 - length :])
        assert torch.equal(alone[0, length:], together[row])


@each_kind
def test_reading_the_prompt_in_pieces_changes_no_token(kind):
    mind = model(kind)
    assert torch.equal(say(mind, **padded()), say(mind, **padded(), prefill_chunk_size=5))


@each_kind
def test_a_later_turn_is_the_whole_text(kind):
    """The cache that `generate` returned goes on with new tokens as if all had come at once."""
    mind = model(kind)
    first = say(mind, tokens(), return_dict_in_generate=True)
    text = torch.cat((first.sequences, tokens(6, seed=1)), 1)
    fork = copy.copy(first.past_key_values)
    want = say(mind, text)
    assert first.past_key_values.get_seq_length() == 20  # the last token was said and not yet read
    assert torch.equal(say(mind, text, past_key_values=first.past_key_values), want)
    whole = torch.ones_like(text)
    new = say(mind, text[:, 20:], attention_mask=whole, past_key_values=fork)
    assert torch.equal(new, want[:, 20:])


@each_kind
@torch.no_grad()
def test_pieces_with_a_cache_are_the_whole(kind):
    mind, given = model(kind), padded()
    whole = mind(**given)
    cache, parts = None, []
    for start, end in ((0, 2), (2, 10), (10, 11), (11, 13)):
        out = mind(
            input_ids=given["input_ids"][:, start:end],
            attention_mask=given["attention_mask"][:, :end],
            past_key_values=cache,
        )
        cache = out.past_key_values
        parts.append(out.logits)
    assert (torch.cat(parts, 1) - whole.logits).abs().max() <= 1e-12
    assert cache.get_seq_length() == whole.past_key_values.get_seq_length() == 13
    for a, b in zip(*(tree_leaves(c.streams) for c in (cache, whole.past_key_values)), strict=True):
        assert torch.allclose(a.double(), b.double(), rtol=0, atol=1e-12)


@torch.no_grad()
def test_a_copy_of_a_cache_is_a_fork():
    mind = model("mag")
    cache = mind(tokens()).past_key_values
    before = [leaf.clone() for leaf in tree_leaves(cache.streams)]
    fork = copy.copy(cache)
    mind(tokens(3, seed=1), past_key_values=fork)
    assert (len(fork), fork.get_seq_length(), cache.get_seq_length()) == (2, 16, 13)
    assert all(map(torch.equal, before, tree_leaves(cache.streams)))
    mind(tokens(3, seed=1), past_key_values=cache, use_cache=False)
    assert cache.get_seq_length() == 13
    assert all(map(torch.equal, before, tree_leaves(cache.streams)))


@torch.no_grad()
def test_a_cache_repeats_selects_and_forgets_its_streams():
    mind, more = model("mal"), tokens(4, seed=1)
    cache = mind(tokens()).past_key_values
    want = mind(more, past_key_values=cache, use_cache=False).logits
    cache.batch_repeat_interleave(3)
    assert repr(cache) == "StateCache(13 tokens of 6 streams)"
    order = torch.tensor([5, 0, 4])
    cache.reorder_cache(order)
    again = mind(more.repeat_interleave(3, 0)[order], past_key_values=cache, use_cache=False).logits
    assert (again - want.repeat_interleave(3, 0)[order]).abs().max() <= 1e-12
    cache.reset()
    assert (cache.get_seq_length(), cache.batch_size, cache.is_initialized) == (0, -1, False)
    fresh = mind(tokens(), past_key_values=cache).logits
    assert torch.equal(fresh, mind(tokens()).logits)


def test_strange_caches_are_refused():
    mind = model("mag")
    with pytest.raises(UserError, match="give the StateCache"):
        say(mind, tokens(), past_key_values=DynamicCache())
    with pytest.raises(UserError, match="leave it out"):
        say(mind, tokens(), cache_implementation="static")
    cache = mind(tokens()).past_key_values
    with pytest.raises(UserError, match="of 2 streams and the tokens of 1"):
        placed(None, torch.Size((1, 3)), cache.streams, torch.device("cpu"))
    for time in (13, 5):
        with pytest.raises(UserError, match=f"has read 13 tokens and {time} were given"):
            say(mind, tokens(time), past_key_values=cache)


def test_there_is_no_way_back():
    mind = model("lmm")
    for how in ({"assistant_model": model("lmm")}, {"prompt_lookup_num_tokens": 2}):
        with pytest.raises(UserError, match="cannot take tokens back"):
            say(mind, tokens(batch=1), **how)
    cache = StateCache()
    cache.crop(0)
    assert not cache.is_croppable
    with pytest.raises(UserError, match="cannot take tokens back"):
        cache.crop(1)
