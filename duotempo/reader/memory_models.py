"""Which model holds a conversation: a local chat model, one at an address, or our small one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from duotempo.converse.chat_model import ChatModel, Message
from duotempo.converse.conversation import longest_reply
from duotempo.converse.endpoint import CONTEXT, ELSEWHERE, CutOff, Endpoint
from duotempo.converse.model import Model
from duotempo.core import Tell, UserError, silent
from duotempo.models.native_folder import native_folder
from duotempo.models.pretrained import Pretrained, load, quiet
from duotempo.reader.invented import small

MOST_CONTEXT = 8192


@dataclass(frozen=True)
class LocalChat:
    """A chat model of this machine; it says the likeliest words.

    Raises `UserError` for a model without a chat template.
    """

    found: Pretrained

    def __post_init__(self) -> None:
        if not self.found.tokenizer.chat_template:
            raise UserError(
                f"{self.found.name} has no chat template: take its -Instruct or -chat version"
            )

    @property
    def context(self) -> int:
        """Tokens that it can read and write at once."""
        return min(self.found.window_limit, MOST_CONTEXT)

    def size(self, text: str) -> int:
        """Tokens of a text."""
        return len(self.found.tokenizer(text, add_special_tokens=False, verbose=False).input_ids)

    @torch.no_grad()
    def chat(self, messages: Sequence[Message], longest: int) -> str:
        """What it says next; a `CutOff` where `longest` tokens did not do."""
        tokenizer, model = self.found.tokenizer, self.found.model
        text = str(
            tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True
            )
        )
        read: Any = tokenizer(text, add_special_tokens=False, return_tensors="pt").to(model.device)
        length = read["input_ids"].shape[1]
        room = min(longest, self.context - length)
        if room < 1:
            raise UserError(
                f"{length} tokens do not fit a context of {self.context}: take a model with a "
                "longer one"
            )
        with quiet():
            said = model.generate(  # pyrefly: ignore[not-callable] - their stub says Tensor
                **read,
                max_new_tokens=room,
                do_sample=False,
                repetition_penalty=1.1,
                pad_token_id=tokenizer.eos_token_id,
            )
        text = str(tokenizer.decode(said[0, length:], skip_special_tokens=True)).strip()
        ended = len(said[0]) < length + room or int(said[0, -1]) in _ends(model)
        return text if ended else CutOff(text)


def _ends(model: Any) -> tuple[int, ...]:
    """The tokens that end what a model says."""
    ends = model.generation_config.eos_token_id
    return tuple(ends) if isinstance(ends, list | tuple) else (-1 if ends is None else ends,)


def memory_model(
    name: str,
    served: str | None = None,
    language: str = "en",
    tell: Tell = silent,
    context: int | None = None,
) -> Model:
    """The memory model of a name: an address (then `served` is the model there), the folder of
    `duotempo train sessions:memory`, or a chat model as `models.pretrained.load` takes them.

    Raises `UserError`.
    """
    if name.startswith(("http://", "https://")):
        if not served:
            raise UserError("an address needs the name of a model there: give --served NAME")
        endpoint = Endpoint(name, served, context=CONTEXT if context is None else context)
        return ChatModel(endpoint, language, longest_reply(endpoint.context))
    if served:
        raise UserError("--served is the name of a model at an address: give --model http://...")
    if context is not None:
        raise UserError(ELSEWHERE)
    if (folder := native_folder(name)) is not None:
        return small(folder)
    chat = LocalChat(load(name, tell=tell))
    return ChatModel(chat, language, count=chat.size)
