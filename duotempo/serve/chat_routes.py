"""`/v1/chat/completions` and `/v1/models`: what clients of OpenAI's ask for."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Event
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from duotempo.serve.errors import Refused, told
from duotempo.serve.forms import (
    ChatRequest,
    ChatResponse,
    Choice,
    Chunk,
    ChunkChoice,
    Delta,
    ErrorResponse,
    Finish,
    ModelCard,
    ModelList,
    Said,
    Usage,
)
from duotempo.serve.manners import ERRORS, MISSING, Caller, admitted
from duotempo.serve.state import State, state_of
from duotempo.serve.talking import Answer, Asked, Gone

routes = APIRouter(prefix="/v1", responses=ERRORS)
End = Answer | Exception
BROKEN: dict[int | str, dict[str, Any]] = {
    502: {"model": ErrorResponse, "description": "The model did not answer."},
    200: {"content": {"text/event-stream": {}}, "description": "A reply, or its pieces."},
}


@dataclass(frozen=True)
class Card:
    """What all parts of a response have in common."""

    id: str
    created: int
    model: str

    @staticmethod
    def new(model: str) -> "Card":
        """A response that begins now."""
        return Card(f"chatcmpl-{secrets.token_hex(12)}", int(time.time()), model)

    def whole(self, answer: Answer) -> ChatResponse:
        """A reply at once."""
        return ChatResponse(
            id=self.id,
            created=self.created,
            model=self.model,
            choices=[Choice(message=Said(content=answer.text), finish_reason=finish(answer))],
            usage=Usage.of(answer.read, answer.written),
        )

    def event(
        self, delta: Delta | None, finish: Finish | None = None, usage: Usage | None = None
    ) -> str:
        """An event of a stream; without a delta it has no choice."""
        choices = [] if delta is None else [ChunkChoice(delta=delta, finish_reason=finish)]
        return event(
            Chunk(id=self.id, created=self.created, model=self.model, choices=choices, usage=usage)
        )


def finish(answer: Answer) -> Finish:
    """Why a reply ended."""
    return "length" if answer.cut else "stop"


@routes.post("/chat/completions", responses=BROKEN)
async def complete(
    request: Request,
    body: ChatRequest,
    caller: Caller,
    x_duotempo_session: Annotated[Literal["same", "new"], Header()] = "same",
) -> ChatResponse:
    """Answer, with the person's memory before the model's eyes; both turns are kept.

    Clients send the whole conversation every time: what comes after the turns of the open session
    is new and kept. A request that does not continue it begins another; so does the header
    `X-Duotempo-Session: new`.
    """
    state = state_of(request)
    name = admitted(state, caller, body.user)
    asked = Asked(body.heard(), x_duotempo_session == "new", body.longest())
    card = Card.new(state.serving.name)
    if body.stream:
        usage = bool(body.stream_options and body.stream_options.include_usage)
        return await streamed(state, name, asked, card, usage)  # pyrefly: ignore[bad-return]
    return card.whole(await asyncio.wrap_future(answering(state, name, asked)))


@routes.get("/models")
async def models(request: Request, caller: Caller) -> ModelList:
    """The model that answers; a request may name any."""
    return ModelList(data=[model_card(state_of(request))])


@routes.get("/models/{name:path}", responses=MISSING)
async def model(request: Request, caller: Caller, name: str) -> ModelCard:
    """The model of a name, which is the one that answers."""
    card = model_card(state_of(request))
    if name != card.id:
        raise Refused(404, f"there is no such model here: the one that answers is {card.id}")
    return card


def model_card(state: State) -> ModelCard:
    """What is told of the model that answers."""
    return ModelCard(id=state.serving.name, created=int(state.since))


def answering(
    state: State, name: str, asked: Asked, send: Callable[[str], None] | None = None
) -> Future[Answer]:
    """The reply, made in a thread of its own. Raises `Refused` where there are too many."""
    door = state.doors.enter(name)
    door.__enter__()  # left in another thread

    def work() -> Answer:
        try:
            return state.talking.answer(name, asked, send)
        finally:
            door.__exit__(None, None, None)

    return state.workers.submit(work)


async def streamed(
    state: State, name: str, asked: Asked, card: Card, usage: bool
) -> StreamingResponse:
    """The pieces of a reply as they come; what fails before the first has a status of its own."""
    loop, gone = asyncio.get_running_loop(), Event()
    queue: asyncio.Queue[str | End] = asyncio.Queue()

    def send(piece: str) -> None:
        if gone.is_set():
            raise Gone
        loop.call_soon_threadsafe(queue.put_nowait, piece)

    def over(future: Future[Answer]) -> None:
        error = future.exception()
        end = future.result() if error is None else error
        if isinstance(end, Answer | Exception) and not loop.is_closed():
            loop.call_soon_threadsafe(queue.put_nowait, end)

    answering(state, name, asked, send).add_done_callback(over)
    try:
        first = await queue.get()
    except asyncio.CancelledError:
        gone.set()
        raise
    if isinstance(first, Exception):
        raise first
    return StreamingResponse(
        events(first, queue, card, usage, gone), media_type="text/event-stream"
    )


def event(what: BaseModel | dict) -> str:
    """An event, as text."""
    if isinstance(what, BaseModel):
        return f"data: {what.model_dump_json()}\n\n"
    return f"data: {json.dumps(what)}\n\n"


async def events(
    first: str | End, queue: asyncio.Queue[str | End], card: Card, usage: bool, gone: Event
) -> AsyncIterator[str]:
    """A stream's events. The last comes when the reply is on disk."""
    try:
        yield card.event(Delta(role="assistant", content=""))
        piece = first
        while isinstance(piece, str):
            yield card.event(Delta(content=piece))
            piece = await queue.get()
        if isinstance(piece, Answer):
            yield card.event(Delta(), finish(piece))
            if usage:
                yield card.event(None, usage=Usage.of(piece.read, piece.written))
            yield "data: [DONE]\n\n"
        else:
            status, why = (
                (piece.status, piece.why)
                if isinstance(piece, Refused)
                else (500, "the server failed: its log says how")
            )
            yield event(told(status, why))
    finally:
        gone.set()
