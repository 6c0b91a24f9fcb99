"""Readers with tiny models for the laws of a reading session, and what it means to be the same."""

import json
import random
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from hypothesis import HealthCheck, settings
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from duotempo.models.pretrained import Pretrained, load
from duotempo.reader import Reader, Settings
from duotempo.tasks import Diary
from tests.models.minds import TINY, a_memory, a_model
from tests.models.tiny import END, tiny_llama, tiny_tokenizer

KINDS = ("weights", "latents")
LIVELY = settings(deadline=None, suppress_health_check=list(HealthCheck))
TEXT = Diary(entries=8).make(seed=3).evicted[:3300] + "\nŻółć naïve 雪 🐈 end.\n\n\tIt  rained. "
SIZES = {"window": 48, "every": 512, "passes": 1}


def write_worded(folder: Path) -> Path:
    """A tiny Llama whose tokenizer knows words, so that it matters where a text is cut."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=alphabet, special_tokens=[END], show_progress=False
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    tiny_llama(folder, layers=2, width=16)
    (folder / "chat_template.jinja").unlink()
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=END
    ).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"vocab_size": tokenizer.get_vocab_size(), "eos_token_id": 0, "pad_token_id": 0}
    model = LlamaForCausalLM.from_pretrained(folder)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = LlamaForCausalLM(type(model.config)(**config))
    model.save_pretrained(folder)
    return folder


@cache
def worded() -> Pretrained:
    """The model of `write_worded`; its folder is gone, so a saved reader finds it by a fixture."""
    with TemporaryDirectory() as folder:
        return load(str(write_worded(Path(folder))), dtype=torch.float32)


@cache
def lettered(kind: str) -> Pretrained:
    """A tiny model of bytes: "llama", "gpt2", or one of the others."""
    if kind not in TINY:
        return Pretrained(kind, a_model(kind), tiny_tokenizer(), "")
    with TemporaryDirectory() as folder:
        TINY[kind](Path(folder), layers=2, width=16)
        return load(folder, dtype=torch.float32)


def a_reader(fast: str = "weights", model: Pretrained | None = None, **options) -> Reader:
    """A reader with a small window that sleeps on the way, one pass at a time."""
    return Reader(model or worded(), Settings(fast=fast, **(SIZES | options)))


def a_life(fast: str = "weights", **options) -> Reader:
    """A reader that has read, slept (and keeps what it learned, whatever the guard said)."""
    reader = a_reader(fast, **options)
    reader.read(TEXT[:1500], name="diary")
    if reader.settings.fast != "none":
        reader.memory = a_memory(reader.body, fast)
    return reader


@cache
def undisturbed(fast: str) -> Reader:
    """A reader that has read all of the text as "diary", in one piece; for looking at only."""
    reader = a_reader(fast)
    reader.read(TEXT, name="diary")
    assert reader.summary()["tokens_slept_on"] >= 2 * SIZES["every"]
    return reader


def pieces(text: str, seed: int, most: int = 700) -> list[str]:
    """A text cut anywhere."""
    pick, found = random.Random(seed), []
    while text:
        size = pick.choice((1, 2, 7, most))
        found.append(text[:size])
        text = text[size:]
    return found


def tensors_of(reader: Reader) -> dict[str, torch.Tensor]:
    """Every tensor that a reader lives with."""
    awake = reader.awake
    found = {"window": awake.window, "pending": awake.pending, "before": awake.before}
    found |= {f"replay {i}": piece for i, piece in enumerate(awake.replay)}
    return found | (reader.memory.tensors if reader.memory else {})


def assert_same_life(one: Reader, two: Reader) -> None:
    """Both readers hold the same, bit for bit."""
    a, b = tensors_of(one), tensors_of(two)
    assert a.keys() == b.keys()
    assert all(torch.equal(t, b[name]) for name, t in a.items())
    assert one.unfinished == two.unfinished
    assert one.summary() == two.summary()
    assert one.archive.text() == two.archive.text()
