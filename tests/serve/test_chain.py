"""A server as the model behind another: what an endpoint streams is streamed on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from duotempo.converse.chat_model import ChatModel
from duotempo.serve.backend import OpenEndpoint, found
from tests.serve.served import served


def test_a_stream_comes_through_piece_by_piece(running, tmp_path):
    endpoint = OpenEndpoint(f"{running.url}/v1", "echo")
    with served(tmp_path / "front.db", ChatModel(endpoint)) as front:
        lines = front.say("one two three", stream=True).text.split("\n\n")
        pieces = [json.loads(line[6:])["choices"][0]["delta"]["content"] for line in lines[:-3]]
        assert pieces == ["", "You", " said:", " one", " two", " three"]
        assert front.say("four").json()["choices"][0]["message"]["content"] == "You said: four"
        assert front.said() == [
            "one two three",
            "You said: one two three",
            "four",
            "You said: four",
        ]
    endpoint.close()


def test_an_address_that_is_no_model_is_told_of(running, tmp_path):
    endpoint = OpenEndpoint(running.url, "echo")  # without /v1
    with served(tmp_path / "front.db", ChatModel(endpoint)) as front:
        for stream in (False, True):
            answer = front.say("one", stream=stream)
            assert answer.status_code == 502
            assert "refused echo with status 404" in answer.json()["error"]["message"]
        assert front.said() == ["one"]
    endpoint.close()


class Other(BaseHTTPRequestHandler):
    """An endpoint that says six words, or as many as it may, or breaks off after one."""

    def log_message(self, format, *args) -> None:
        """Nothing."""

    def do_POST(self) -> None:
        """A reply, whole or in pieces."""
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        most = asked["max_tokens"]
        words = ["a", " b", " c", " d", " e", " f"][:most]
        end = "length" if most < 6 else "stop"
        broken = asked["messages"][-1]["content"] == "break off"
        head = {"id": "x", "created": 1, "model": "m"}
        self.send_response(200)
        if asked.get("stream"):
            events = [({"content": word}, None) for word in words] + [({}, end)]
            lines = [
                {**head, "object": "chat.completion.chunk", "choices": [
                    {"index": 0, "delta": delta, "finish_reason": why}]}
                for delta, why in (events[:1] if broken else events)
            ]  # fmt: skip
            body = "".join(f"data: {json.dumps(line)}\n\n" for line in lines)
            self.send_header("content-type", "text/event-stream")
        else:
            message = {"role": "assistant", "content": "".join(words)}
            choices = [{"index": 0, "message": message, "finish_reason": end}]
            body = json.dumps({**head, "object": "chat.completion", "choices": choices})
            self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body.encode())


@pytest.fixture
def front(tmp_path):
    """A server before such an endpoint."""

    @contextmanager
    def endpoint() -> Iterator[str]:
        with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
            Thread(target=server.serve_forever).start()
            try:
                yield f"http://127.0.0.1:{server.server_port}/v1"
            finally:
                server.shutdown()

    with endpoint() as url:
        backend = found(url, "m")
        with served(tmp_path / "front.db", backend.model) as it:
            yield it
        backend.close()


@pytest.mark.parametrize("bound", [{}, {"max_tokens": 2}, {"max_completion_tokens": 2}])
def test_a_bound_of_tokens_is_kept_and_a_reply_that_it_cut_off_says_so(front, bound):
    text, end = ("a b", "length") if bound else ("a b c d e f", "stop")
    (choice,) = front.say("one", **bound).json()["choices"]
    assert (choice["message"]["content"], choice["finish_reason"]) == (text, end)
    lines = front.say("two", stream=True, **bound).text.split("\n\n")
    chunks = [json.loads(line[6:])["choices"][0] for line in lines[:-2]]
    assert "".join(chunk["delta"]["content"] or "" for chunk in chunks) == text
    assert chunks[-1]["finish_reason"] == end
    assert front.said() == ["one", text, "two", text]


def test_a_model_that_breaks_off_is_told_of_and_no_half_reply_is_kept(front):
    assert "broke off in the middle" in front.say("break off", stream=True).text
    assert front.said() == ["break off"]
