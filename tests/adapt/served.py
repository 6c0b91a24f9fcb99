"""A server on this machine that answers as an endpoint does, or refuses, for tests."""

import contextlib
import json
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

SAID = "Fine.\n```\nSay one word.\n```"


class Served(ThreadingHTTPServer):
    """Gives the statuses it was told to, one a request, then 200 for ever; keeps what it got."""

    daemon_threads = True

    def __init__(self, statuses: list[int], wait: float, body: str | None) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.statuses, self.wait, self.body = list(statuses), wait, body
        self.got: list[dict[str, Any]] = []
        self.keys: list[str] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Answers(BaseHTTPRequestHandler):
    """One request."""

    server: Served

    def do_POST(self) -> None:
        """A completion, or a refusal."""
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.server.keys.append(self.headers["Authorization"])
        time.sleep(self.server.wait)
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        reply = {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [
            {"index": 0, "finish_reason": "stop",
             "message": {"role": "assistant", "content": SAID}}]}  # fmt: skip
        text = json.dumps(reply if status == 200 else {"error": {"message": "no"}})
        kind = "application/json"
        if self.server.body is not None:
            text, kind = self.server.body, "text/html"
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client left
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.send_header("retry-after-ms", "1")
            self.end_headers()
            self.wfile.write(text.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@contextlib.contextmanager
def serving(*statuses: int, wait: float = 0.0, body: str | None = None) -> Generator[Served]:
    """Within: a server that listens."""
    pytest.importorskip("openai")
    server = Served(list(statuses), wait, body)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
