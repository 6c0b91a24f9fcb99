"""What the OpenAI protocol's requests and responses look like, as far as this server speaks it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from duotempo.archive.turns import LONGEST_NAME, LONGEST_TURN
from duotempo.serve.errors import Refused
from duotempo.serve.matching import Heard

Text = Annotated[str, Field(min_length=1, max_length=LONGEST_TURN, pattern=r"^[^\x00]*$")]
Empty = Annotated[str, Field(max_length=0)]
Tokens = Annotated[int, Field(ge=1)] | None
Finish = Literal["stop", "length"]
"""Why a reply ended: by itself, or at the most tokens that it may have."""
SYSTEM = ("system", "developer")
MOST_MESSAGES = 2_000


class Part(BaseModel):
    """A part of a message: text, nothing else."""

    type: Literal["text"]
    text: Text


Parts = Annotated[list[Part], Field(min_length=1, max_length=100)]


def heard(role: str, content: str | list[Part] | None) -> Heard:
    """A message as it is kept. Raises `Refused`."""
    text = content or ""
    if not isinstance(text, str):
        text = "\n".join(part.text for part in text)
    if len(text) > LONGEST_TURN:
        raise Refused(413, f"a message has more than {LONGEST_TURN} characters")
    return Heard("system" if role in SYSTEM else role, text)


class UserMessage(BaseModel):
    """What the user says."""

    role: Literal["user"]
    content: Text | Parts


class OtherMessage(BaseModel):
    """What somebody else says; nothing, as clients send of a reply that was stopped at once."""

    role: Literal["system", "developer", "assistant"]
    content: Text | Parts | Empty | None = None


Message = Annotated[UserMessage | OtherMessage, Field(discriminator="role")]
"""A message of a conversation."""


class StreamOptions(BaseModel):
    """What a stream tells besides."""

    include_usage: bool | None = None


class Format(BaseModel):
    """The form of a reply: text."""

    type: Literal["text"]


Nothing = Annotated[list[Any], Field(max_length=0)] | None


class ChatRequest(BaseModel):
    """A request to `/v1/chat/completions`.

    Settings that are not here (temperature, stop, ...) are taken and change nothing: the model
    behind the server says how it speaks. What would change the meaning of a reply is refused.
    """

    model_config = ConfigDict(extra="ignore")

    model: str = Field(min_length=1, max_length=500, description="any: one model answers all")
    messages: list[Message] = Field(min_length=1, max_length=MOST_MESSAGES)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = Field(None, min_length=1, max_length=LONGEST_NAME)
    n: Literal[1] | None = None
    tools: Nothing = None
    functions: Nothing = None
    response_format: Format | None = None
    logprobs: Literal[False] | None = None
    max_tokens: Tokens = None
    max_completion_tokens: Tokens = None

    def longest(self) -> int | None:
        """The most tokens of the reply, if the client says so, under the new name or the old."""
        return self.max_completion_tokens or self.max_tokens

    def heard(self) -> tuple[Heard, ...]:
        """The messages that say something. Raises `Refused`."""
        said = (heard(message.role, message.content) for message in self.messages)
        return tuple(each for each in said if each.text)


class Usage(BaseModel):
    """About how many tokens were read and written."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @staticmethod
    def of(read: int, written: int) -> "Usage":
        """Both and their sum."""
        return Usage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class Said(BaseModel):
    """A reply."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class Choice(BaseModel):
    """The one reply to a request."""

    index: Literal[0] = 0
    message: Said
    finish_reason: Finish = "stop"
    logprobs: None = None


class ChatResponse(BaseModel):
    """A reply at once."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: Usage


class Delta(BaseModel):
    """A piece of a reply."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """A piece of the one reply."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: Finish | None = None
    logprobs: None = None


class Chunk(BaseModel):
    """An event of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: Usage | None = None


class ModelCard(BaseModel):
    """A model that answers."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "duotempo"


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class Fault(BaseModel):
    """What was wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorResponse(BaseModel):
    """An error in OpenAI's shape."""

    error: Fault
