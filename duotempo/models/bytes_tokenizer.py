"""A tokenizer of 256 bytes: a token's index is the byte's value, any text comes back as it was."""

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

BYTES = 256
END = 0  # NUL stands in no text, so it can end one and fill up a batch


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer of a native model that reads bytes.

    Byte 0 ends a text and pads a batch, on the left: nothing is added to the vocabulary.
    """
    tokenizer = Tokenizer(models.BPE(vocab=_vocabulary(), merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.decoder = decoders.ByteLevel()
    end = AddedToken(chr(END), special=True, normalized=False)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=end,
        pad_token=end,
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_input_names=["input_ids", "attention_mask"],
    )


def _vocabulary() -> dict[str, int]:
    """Each byte by the printable sign that byte-level tokenizers write for it; byte 0 by itself.

    A special token is looked for in the text by its name. Were byte 0 called by its usual sign, an
    A with a macron, this letter would be read as the end of the text.
    """
    plain = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(BYTES) if byte not in plain]
    signs = {byte: chr(byte) for byte in plain}
    signs |= {byte: chr(BYTES + place) for place, byte in enumerate(hidden)}
    return {signs[byte] if byte != END else chr(END): byte for byte in range(BYTES)}
