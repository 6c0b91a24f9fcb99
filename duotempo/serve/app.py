"""The web application: routes, limits, health, metrics; one process serves one database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

from duotempo import __version__
from duotempo.archive.people import Conversations
from duotempo.archive.rounds import waiting
from duotempo.converse.model import Model
from duotempo.serve import chat_routes, memory_routes
from duotempo.serve.errors import kept
from duotempo.serve.manners import ERRORS, manners
from duotempo.serve.middleware import Sized, Timed
from duotempo.serve.state import Serving, State, made, state_of
from duotempo.serve.tokens import Tokens

TITLE = "Duotempo: conversation memory behind the OpenAI protocol"


class Health(BaseModel):
    """The server answers and its database does."""

    status: str = "ok"


def application(
    talks: Conversations, model: Model, serving: Serving, tokens: Tokens | None = None
) -> FastAPI:
    """The application over an open archive, which stays its caller's to close.

    While it runs a thread sleeps in the background; the routes are in `chat_routes` and
    `memory_routes`.
    """
    state = made(talks, model, serving, tokens)

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        state.start()
        yield
        state.stop()

    app = FastAPI(title=TITLE, version=__version__, lifespan=life, docs_url=None, redoc_url=None)
    app.state.duotempo = state
    manners(app)
    app.add_middleware(Sized, most=serving.limits.body)
    app.add_middleware(Timed, tally=state.talking.tally)
    app.include_router(chat_routes.routes)
    app.include_router(memory_routes.routes)
    app.add_api_route("/health", health, responses={503: ERRORS[503]})
    text: dict[str, Any] = {"content": {"text/plain": {}}}
    app.add_api_route("/metrics", metrics, responses={503: ERRORS[503], 200: text})
    if tokens is None:
        without_tokens(app)
    return app


def without_tokens(app: FastAPI) -> None:
    """Take the bearer token off the page of the API: nobody has one."""
    page = app.openapi()
    page["components"].pop("securitySchemes")
    for operations in page["paths"].values():
        for operation in operations.values():
            operation.pop("security", None)


def health(request: Request) -> Health:
    """Whether the database answers."""
    with kept(503):
        state_of(request).talking.talks.people()
    return Health()


def metrics(request: Request) -> PlainTextResponse:
    """Counts and times for Prometheus; nobody's words or names."""
    state: State = state_of(request)
    talks = state.talking.talks
    with kept(503):
        pending = sum(each.sessions for each in waiting(talks, state.serving.settings.tries))
        now = {"pending_sessions": pending, "people": talks.people()}
    return PlainTextResponse(
        state.talking.tally.page(now), media_type="text/plain; version=0.0.4; charset=utf-8"
    )
