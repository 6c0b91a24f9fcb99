"""Laws of the trained memory model: likeliest words, alone or together, and only its own world."""

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.config import Config
from duotempo.models.saved import save_model
from duotempo.reader.invented import Speaker, small
from duotempo.recipes.sessions import memory
from duotempo.tasks.sessions_forms import compress, remember, reply
from duotempo.tasks.sessions_rows import encoded, words
from duotempo.train import Run

PROMPTS = [
    reply("", ["where do i live ?"]),
    remember("ana", ["i live in oslo .", "nice ."]),
    compress("ana", ["[1] ana lives in oslo @2", "[2] ana has a dog @3"]),
]


def tiny():
    """Two layers that were never trained."""
    torch.manual_seed(1)
    return Config(vocab=len(words()), width=16, heads=2, window=None, ff=16, persistent=0,
                  layout=("attention",) * 2).build().eval()  # fmt: skip


def test_many_at_once_say_what_each_says_alone():
    model = tiny()
    alone = [Speaker(model, 6)(prompt) for prompt in PROMPTS]
    assert Speaker(model, 6).all(PROMPTS) == alone


def test_it_says_the_likeliest_words_as_the_whole_text_shows_them():
    model = tiny()
    said = Speaker(model, 5)(PROMPTS[1])
    whole = encoded(f"{PROMPTS[1]} {said}")
    logits, _ = model(torch.tensor([whole]))
    first = len(encoded(PROMPTS[1])) - 1
    assert logits[0, first:-1].argmax(-1).tolist() == whole[first + 1 :]


def test_a_folder_speaks_and_another_vocabulary_is_refused(tmp_path):
    save_model(tmp_path / "small", tiny())
    assert small(tmp_path / "small").speak(PROMPTS[0]) == Speaker(tiny())(PROMPTS[0])
    save_model(tmp_path / "other", Config(vocab=256, width=16, heads=2, ff=16).build())
    with pytest.raises(UserError, match="sessions:memory"):
        small(tmp_path / "other")


def test_the_recipe_is_a_run_with_single_task_twins():
    assert isinstance(memory(10), Run)
    assert memory(10, ("reply",)) != memory(10)
