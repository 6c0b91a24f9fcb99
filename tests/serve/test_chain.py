"""A server as the model behind another: what an endpoint streams is streamed on."""

import json

from duotempo.converse.chat_model import ChatModel
from duotempo.serve.backend import OpenEndpoint
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
