"""A model behind an address that speaks the OpenAI protocol, asked again where that may help."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from duotempo.core import UserError

Message = dict[str, str]


CONTEXT = 8192
"""Tokens of a model's context where nobody says how many."""
ELSEWHERE = "--context is of a model at an address: give --model http://..."
"""What is said where it is given for another."""
LEAST, MOST = 2_048, 2_097_152
"""Tokens of the smallest context that our prompts, a stretch of turns and its notes fit, and of
more than any that is served."""


class CutOff(str):
    """What a model said up to its bound of tokens, where it had not come to an end."""

    __slots__ = ()


LENGTH = "length"
"""What the protocol says of a reply that was cut off."""


@dataclass(frozen=True)
class Endpoint:
    """A model at an address such as `http://host:8000/v1`.

    A call that is refused for its rate, times out (`timeout` seconds) or meets a failing server is
    made again up to `retries` times, with growing pauses. `key=None` takes OPENAI_API_KEY, or none.
    `context` is how many tokens the model reads and writes at once. Not seeded: two runs may
    differ. Raises `UserError` for a context that cannot be, after the last try, or without openai.
    """

    url: str
    model: str
    key: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    retries: int = 5
    context: int = CONTEXT

    def __post_init__(self) -> None:
        if not LEAST <= self.context <= MOST:
            raise UserError(
                f"a context of {self.context} tokens: give from {LEAST} to {MOST}, as many as the "
                "model at the address reads and writes at once"
            )

    def __call__(self, text: str, seed: int) -> str:
        """What the model says to a text."""
        return self.chat([{"role": "user", "content": text}])

    def chat(self, messages: Sequence[Message], longest: int | None = None) -> str:
        """What it says next, in at most `longest` tokens; a `CutOff` where these did not do."""
        openai = _openai()
        with self.told(openai), self.client(openai) as client:
            said = client.chat.completions.create(**self._asked(messages, longest))
        if isinstance(said, str):
            raise UserError(f"{self.url} speaks another protocol: most such addresses end in /v1")
        if not said.choices:
            return ""
        text = str(said.choices[0].message.content or "")
        return CutOff(text) if said.choices[0].finish_reason == LENGTH else text

    def stream(self, messages: Sequence[Message], longest: int | None = None) -> Iterator[str]:
        """The same piece by piece, as it comes; the last piece is a `CutOff` of one that was.

        Raises `UserError` for a stream that ends without saying why: the server broke off.
        """
        openai = _openai()
        asked = self._asked(messages, longest)
        with (
            self.told(openai),
            self.client(openai) as client,
            client.chat.completions.create(**asked, stream=True) as pieces,
        ):
            end = None
            for piece in pieces:
                if piece.choices and piece.choices[0].delta.content:
                    yield piece.choices[0].delta.content
                end = (piece.choices and piece.choices[0].finish_reason) or end
            if end is None:
                raise UserError(f"{self.url} broke off in the middle of a reply: ask again")
            if end == LENGTH:
                yield CutOff()

    @contextmanager
    def told(self, openai: Any) -> Iterator[None]:
        """What goes wrong with a call becomes a sentence."""
        try:
            yield
        except openai.APIStatusError as error:
            raise UserError(
                f"{self.url} refused {self.model} with status {error.status_code}: check address, "
                "model and key, then run it again; what was finished is kept"
            ) from error
        except openai.APIError as error:
            raise UserError(
                f"{self.url} did not answer ({error}): check the address and that the server is "
                "up, then run it again; what was finished is kept"
            ) from error

    def _asked(self, messages: Sequence[Message], longest: int | None) -> dict[str, Any]:
        bound = {} if longest is None else {"max_tokens": longest}
        return {"model": self.model, "messages": list(messages), **bound}

    def client(self, openai: Any) -> Any:
        """The client with its own retries."""
        key = self.key or os.environ.get("OPENAI_API_KEY") or "none"
        return openai.OpenAI(
            base_url=self.url, api_key=key, timeout=self.timeout, max_retries=self.retries
        )


def _openai() -> Any:
    """The client library."""
    try:
        import openai  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise UserError(
            'an endpoint needs openai: run `pip install "duotempo[adapt]"`, or use a local model'
        ) from error
    return openai
