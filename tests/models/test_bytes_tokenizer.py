"""The byte tokenizer: an index is a byte's value, and any text comes back as it was."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from transformers import AutoTokenizer, PreTrainedTokenizerFast

from duotempo.models.bytes_tokenizer import byte_tokenizer


@pytest.fixture(scope="module", params=["made", "loaded"])
def tokenizer(request, tmp_path_factory) -> PreTrainedTokenizerFast:
    made = byte_tokenizer()
    if request.param == "made":
        return made
    folder = tmp_path_factory.mktemp("tokenizer")
    made.save_pretrained(folder)
    return AutoTokenizer.from_pretrained(folder)


@settings(deadline=None, max_examples=200)
@given(text=st.text())
@example(text="\u0100 \u0120 <0x00> <|endoftext|> [PAD]")  # signs and names that others give tokens
@example(text="a\0b \n\r\t  don't  ")
@example(text="\ufeffe\u0301 \u00e9 \U0001f642")
def test_any_text_comes_back_from_its_bytes(tokenizer, text):
    ids = tokenizer(text)["input_ids"]
    assert ids == list(text.encode())
    assert tokenizer.decode(ids) == text


def test_every_byte_is_a_token_and_nothing_else_is(tokenizer):
    assert len(tokenizer) == tokenizer.vocab_size == 256
    assert tokenizer.decode([65, 0xFF, 66]) == "A\ufffdB"
    assert tokenizer.decode([65, 0, 66], skip_special_tokens=True) == "AB"


def test_byte_0_ends_and_pads_on_the_left(tokenizer):
    assert (tokenizer.eos_token_id, tokenizer.pad_token_id) == (0, 0)
    batch = tokenizer(["ab", "abc"], padding=True)
    assert batch["input_ids"] == [[0, 97, 98], [97, 98, 99]]
    assert batch["attention_mask"] == [[0, 1, 1], [1, 1, 1]]
