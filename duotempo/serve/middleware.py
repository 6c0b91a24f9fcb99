"""Around every request: how large it may be, how often and how long it was."""

import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from fastapi import HTTPException
from fastapi.responses import JSONResponse

from duotempo.serve.errors import told
from duotempo.serve.metrics import Tally

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
"""What ASGI calls so; a scope is a mapping as a message is."""


class Sized:
    """Refuses a body of more than `most` bytes (413), also one that does not say how long it is."""

    def __init__(self, app: Application, most: int) -> None:
        self.app, self.most = app, most

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        length = dict(scope.get("headers", ())).get(b"content-length", b"0")
        why, read = f"a request has at most {self.most} bytes", 0
        if length.isdigit() and int(length) > self.most:
            await JSONResponse(told(413, why), 413)(scope, receive, send)
            return

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > self.most:
                raise HTTPException(413, why)
            return message

        await self.app(scope, counted, send)


class Timed:
    """Counts every request by its route and status, and how long it took to its last byte."""

    def __init__(self, app: Application, tally: Tally) -> None:
        self.app, self.tally = app, tally

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        before, status = time.perf_counter(), "500"

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = str(message["status"])
            await send(message)

        try:
            await self.app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "other")
            self.tally.count("requests_total", route=route, status=status)
            self.tally.time("request_seconds", time.perf_counter() - before, route=route)
