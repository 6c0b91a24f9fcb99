"""What every request meets: who it is from, how often they may ask, errors in OpenAI's shape."""

import math
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError, StarletteHTTPException
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from duotempo.serve.errors import Refused, told
from duotempo.serve.forms import ErrorResponse
from duotempo.serve.state import State, state_of

LOCAL = ("127.0.0.1", "::1", "localhost")
ME = "me"
ROLES = ("user", "system", "developer", "assistant")
ASKED = HTTPBearer(auto_error=False, description="A token of the server's file of tokens.")
SAID = {
    400: "The body is no UTF-8 or no JSON.",
    401: "The token is nobody's.",
    403: "This person may not.",
    413: "The request, or a message in it, is too long.",
    422: "The request is not of the form that is asked for.",
    429: "Too many requests; Retry-After says when.",
    503: "The database does not answer, or the server is busy.",
}
ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": ErrorResponse, "description": what} for code, what in SAID.items()
}
"""What any route may answer."""
MISSING: dict[int | str, dict[str, Any]] = {404: {**ERRORS[400], "description": "It is not there."}}
UNSUPPORTED = {
    "n": "one reply is made: leave out n",
    "tools": "tools are not passed on: leave them out",
    "functions": "functions are not passed on: leave them out",
    "response_format": "replies are text: leave out response_format",
    "logprobs": "there are no logprobs: leave them out",
    "role": "the role of a message is system, developer, user or assistant",
}


def caller(
    request: Request, token: Annotated[HTTPAuthorizationCredentials | None, Depends(ASKED)]
) -> str | None:
    """Whose the token is; None where the server has no tokens. Raises `Refused`."""
    state = state_of(request)
    if state.tokens is None:
        local(request)
        return None
    name = state.tokens.user(request.headers.get("authorization"))
    if name is None:
        raise Refused(401, "this server needs the token of a user: Authorization: Bearer TOKEN")
    return name


Caller = Annotated[str | None, Depends(caller)]


def admitted(state: State, caller: str | None, user: str | None) -> str:
    """The person that a request is from, who may ask now. Raises `Refused`.

    Without tokens `user` says who; with tokens nobody but the token does.
    """
    name = caller or user or ME
    if not name.strip() or not name.isprintable():
        raise Refused(403, "a user's name is of printable characters on one line")
    state.rates.take(name)
    return name


def local(request: Request) -> None:
    """Without tokens the server answers programs of this machine, not web pages in its browser.

    Raises `Refused` for another host's name (DNS rebinding) and for a page of another origin.
    """
    hosts = [f"//{request.headers.get('host', '')}", request.headers.get("origin")]
    for host in filter(None, hosts):
        try:
            name = urlsplit(host).hostname
        except ValueError:
            name = None
        if name not in (*LOCAL, state_of(request).host):
            raise Refused(403, "without tokens this server answers programs of its machine only")


def manners(app: FastAPI) -> None:
    """Errors in OpenAI's shape, and a count of every request."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return refusal(error)

    @app.exception_handler(StarletteHTTPException)
    async def http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        why = "the body is no JSON in UTF-8" if error.status_code == 400 else str(error.detail)
        return JSONResponse(told(error.status_code, why), error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return JSONResponse(told(400, "the body is no JSON in UTF-8"), 400)
        place = placed(first["loc"])
        if first["type"].startswith("union_tag"):
            place.append("role")
        known = next((UNSUPPORTED[part] for part in place if part in UNSUPPORTED), None)
        why = known or f"{'.'.join(place) or 'the request'}: {first['msg']}"
        return JSONResponse(told(422, why, ".".join(place) or None), 422)

    @app.exception_handler(Exception)
    async def unexpected(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse(told(500, "the server failed: its log says how"), 500)


def placed(loc: Sequence[int | str]) -> list[str]:
    """Where something is wrong, as the client wrote it: without the kinds that it might have been,
    which pydantic names after an index or in brackets."""
    found = [part for part in loc if part not in ("body", "query", "path")]
    return [
        str(part)
        for before, part in zip([None, *found], found, strict=False)
        if isinstance(part, int)
        or (part.isidentifier() and not (isinstance(before, int) and part in ROLES))
    ]


def refusal(error: Refused) -> JSONResponse:
    """A refusal as a response."""
    headers = {} if error.after is None else {"Retry-After": str(max(1, math.ceil(error.after)))}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(told(error.status, error.why), error.status, headers)
