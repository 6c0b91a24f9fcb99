"""Which model a name leads to, and what a local chat model says."""

import pytest

from duotempo.converse.chat_model import ChatModel
from duotempo.converse.endpoint import CutOff, Endpoint
from duotempo.converse.invented import Invented
from duotempo.core import UserError
from duotempo.models.pretrained import Pretrained
from duotempo.models.saved import save_model
from duotempo.reader.memory_models import LocalChat, memory_model
from tests.adapt.chats import policy
from tests.reader.test_invented import tiny


def local() -> LocalChat:
    """A tiny chat model that was never trained."""
    made = policy(None)
    return LocalChat(Pretrained("tiny", made.model, made.tokenizer, "nowhere"))


def test_a_local_model_says_the_same_twice_within_its_bound():
    messages = [{"role": "user", "content": "hello there"}]
    chat = local()
    said = chat.chat(messages, 5)
    assert said == chat.chat(messages, 5)
    assert 0 < len(said) <= 5  # a token is a byte


@pytest.mark.parametrize("last", [None, "as a number", "in a list"])
def test_what_it_could_not_end_within_its_bound_is_a_cut_off(last):
    messages = [{"role": "user", "content": "hello there"}]
    chat = local()
    assert isinstance(chat.chat(messages, 3), CutOff)
    found = chat.found
    text = found.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    read = found.tokenizer(text, add_special_tokens=False, return_tensors="pt")
    end = int(found.model.generate(**read, max_new_tokens=1, do_sample=False)[0, -1])
    ends = {None: None, "as a number": end, "in a list": [end]}[last]
    found.model.generation_config.eos_token_id = ends
    assert isinstance(chat.chat(messages, 3), CutOff) == (last is None)


def test_what_does_not_fit_the_context_is_told():
    with pytest.raises(UserError, match="do not fit a context"):
        local().chat([{"role": "user", "content": "hello " * 5000}], 5)


def test_an_address_a_folder_and_what_contradicts_itself(tmp_path):
    found = memory_model("http://host/v1", "small")
    assert isinstance(found, ChatModel)
    assert isinstance(found.chat, Endpoint)
    save_model(tmp_path / "run" / "model", tiny())
    assert isinstance(memory_model(str(tmp_path / "run")), Invented)
    with pytest.raises(UserError, match="--served NAME"):
        memory_model("http://host/v1")
    with pytest.raises(UserError, match="at an address"):
        memory_model("smollm2", "small")


@pytest.mark.parametrize("said", ["I live in Oslo.", "我住在奥斯陆。", "ฉันอยู่ที่ออสโล"])
def test_what_fits_a_local_model_is_counted_in_its_own_tokens(monkeypatch, said):
    chat = local()
    monkeypatch.setattr("duotempo.reader.memory_models.load", lambda name, tell: chat.found)
    found = memory_model("tiny")
    assert isinstance(found, ChatModel)
    ids = chat.found.tokenizer(said, add_special_tokens=False).input_ids
    assert found.size(said) == len(ids)
    assert len(ids) >= len(said.encode())  # a token is a byte
