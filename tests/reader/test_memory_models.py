"""Which model a name leads to, and what a local chat model says."""

import pytest

from duotempo.converse.chat_model import ChatModel
from duotempo.converse.endpoint import Endpoint
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
