"""The command `serve`: one line says where it listens; what cannot be is refused in a sentence."""

import socket
import sys

import pytest
from sqlalchemy import text

from duotempo.archive.engine import writing
from duotempo.archive.people import Conversations
from duotempo.cli import serve
from duotempo.cli.app import run
from duotempo.converse.chat_model import ChatModel
from duotempo.converse.conversation import Conversation
from duotempo.converse.model import Said
from duotempo.serve.backend import found


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run `duotempo serve`, which refuses; its sentence."""
    monkeypatch.chdir(tmp_path)

    def call(*options: str) -> str:
        usual = {"--port": "0", "--model": "echo"}
        asked = [word for pair in usual.items() if pair[0] not in options for word in pair]
        assert run(["serve", "--quiet", *asked, *options]) == 2
        err = capsys.readouterr().err
        assert "Traceback" not in err
        return err.splitlines()[-1]

    return call


def test_without_tokens_only_this_machine_is_served(refused):
    assert "give --tokens FILE" in refused("--host", "0.0.0.0")


def test_tokens_that_others_may_read_are_refused(refused, tmp_path):
    (tmp_path / "tokens").write_text("a ana\n")
    (tmp_path / "tokens").chmod(0o644)
    assert "others may read" in refused("--tokens", "tokens")
    assert "No such file" in refused("--tokens", "nowhere")


def test_a_database_of_a_later_version_is_not_touched(refused, tmp_path):
    with Conversations(tmp_path / "t.db") as talks, writing(talks.engine) as db:
        db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "later Duotempo: upgrade it" in refused("--store", "t.db")


def test_a_port_that_is_taken_is_named(refused):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert f"127.0.0.1:{port} cannot be listened at" in refused("--port", str(port))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--json",), "no JSON form"),
        (("--model", "http://host/v1"), "--served NAME"),
        (
            ("--model", "http://host/v1", "--served", "m", "--context", "100"),
            "from 2048 to",
        ),
        (("--context", "9000"), "--context is of a model at an address"),
        (("--rate", "0"), "rate"),
        (("--store", "mysql://h/d"), "no database for conversations"),
    ],
)
def test_what_cannot_be_is_refused(refused, options, said):
    assert said in refused(*options)


def test_a_missing_extra_is_named(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert "pip install 'duotempo[serve]'" in refused()


def test_an_address_is_asked_without_torch_and_let_go_of():
    backend = found("http://127.0.0.1:1/v1", "small")
    assert not backend.exclusive
    with pytest.raises(Exception, match="did not answer"):
        backend.model.reply("ana", (), ())
    backend.close()


@pytest.mark.parametrize(("context", "longest"), [(None, 2048), (2048, 512), (131_072, 4096)])
def test_a_prompt_is_cut_to_the_context_that_the_operator_names(tmp_path, context, longest):
    backend = found("http://127.0.0.1:1/v1", "small", context=context)
    assert isinstance(backend.model, ChatModel)
    assert backend.model.longest == longest
    turns = [Said(n, "user", "seven letters") for n in range(1, 50_001)]
    with Conversations(tmp_path / "t.db") as talks:
        kept = Conversation(talks.of("ana"), backend.model).fitting(turns, ())
    read = sum(backend.model.size(turn.text) + 4 for turn in kept)
    whole = (context or 8192) * 0.75
    assert 0.7 * whole < read <= whole
    backend.close()


def test_it_listens_where_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ran: list = []

    def once(self, sockets) -> None:
        ran.extend(sockets)

    monkeypatch.setattr("uvicorn.Server.run", once)
    assert run(["serve", "--model", "echo", "--port", "0"]) == 0
    assert capsys.readouterr().err.startswith("http://127.0.0.1:")
    assert len(ran) == 1
    assert serve.HERE.port == 8000
