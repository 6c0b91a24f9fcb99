"""The command `mcp`: what cannot be is refused in a sentence before anything is served."""

import sys

import pytest

from duotempo.cli.app import run
from duotempo.converse.invented import Invented


@pytest.fixture
def refused(tmp_path, monkeypatch, capsys):
    """Run `duotempo mcp` with options that cannot be; what it says."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("duotempo.reader.memory_models.memory_model", lambda *_: Invented())

    def call(*options: str) -> str:
        assert run(["mcp", *options]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        return said.err

    return call


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--json",), "no JSON form"),
        (("--user", ""), "a user's name"),
        (("--http", "--host", "0.0.0.0"), "whoever reaches it"),
        (("--http", "--port", "70000"), "65535"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(refused, options, said):
    pytest.importorskip("mcp")
    assert said in refused(*options)


def test_without_its_packages_it_says_what_to_install(refused, monkeypatch):
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    monkeypatch.delitem(sys.modules, "duotempo.serve.mcp_server", raising=False)
    assert 'pip install "duotempo[serve]"' in refused()
