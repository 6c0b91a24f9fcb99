"""`duotempo flow` on a tiny model of bytes: tables, JSON, a saved report, and the comparison."""

import json

import pytest
import torch

from duotempo.cli.app import run
from duotempo.models import pretrained
from duotempo.models.config import Config, MemoryConfig
from duotempo.models.saved import save_model
from tests.reader.lives import a_life, worded

FACT = {
    "fact": "f1",
    "class": "far",
    "question": "The sky is",
    "answer": "blue",
    "rival": "red",
    "alternatives": ["green"],
    "document": "The sky is blue.",
    "donor": "The sky is red.",
}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a random memory model of bytes."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run") / "model"
    memory = MemoryConfig(heads=2, size=4, chunk=8)
    config = Config(width=8, heads=2, window=8, layout=("lmm",), ff=8, persistent=0, memory=memory)
    save_model(folder, config.build())
    return str(folder)


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Run a command in a folder with a probe file in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "facts.jsonl").write_text(json.dumps(FACT) + "\n")

    def call(*argv):
        code = run([*argv, "--quiet"])
        return code, *capsys.readouterr()

    return call


def test_a_report_is_shown_saved_and_compared(cli, model, tmp_path):
    code, out, err = cli("flow", model, "--probes", "facts.jsonl", "--save", "a.json")
    assert (code, err.strip()) == (0, "saved a.json")
    assert "Source certificate" in out
    assert "Fewer than 10 facts of far" in out
    assert "\u2026" not in out, "no number is cut off for a narrow terminal"
    assert any(line.split()[:3] == ["far", "context", "rival"] for line in out.splitlines())
    saved = json.loads((tmp_path / "a.json").read_text())
    assert saved["stores"] == ["tails", "memory.0"]
    code, out, _ = cli("flow", "diff", "a.json", "a.json", "--json")
    assert code == 0
    changes = json.loads(out)["changes"]
    assert {c["name"]: c["after"] for c in changes} == saved["summary"]
    assert all(c["before"] == c["after"] for c in changes)
    others = [FACT | {"fact": "f2"}, FACT | {"fact": "f3"}]
    (tmp_path / "facts.jsonl").write_text("\n".join(map(json.dumps, others)))
    assert cli("flow", model, "--probes", "facts.jsonl", "--save", "b.json")[0] == 0
    assert "were not asked the same number" in cli("flow", "diff", "a.json", "b.json")[1]
    assert json.loads(cli("flow", "diff", "a.json", "b.json", "--json")[1])["notes"]


def test_a_page_is_written_and_so_is_that_of_a_comparison(cli, model, tmp_path):
    hostile = FACT | {"fact": "<script>alert(1)</script>", "question": "<script> says the sky is"}
    (tmp_path / "facts.jsonl").write_text(json.dumps(hostile) + "\n")
    asked = ("flow", model, "--probes", "facts.jsonl")
    code, _, err = cli(*asked, "--save", "a.json", "--page", "new/a.html")
    assert (code, err.split()) == (0, ["saved", "a.json", "saved", "new/a.html"])
    html = (tmp_path / "new" / "a.html").read_text()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)" in html
    assert json.loads((tmp_path / "a.json").read_text())["command"].startswith("duotempo")
    code, out, _ = cli("flow", "diff", "a.json", "a.json", "--page", "d.html")
    assert code == 0
    assert "right/far" in out
    assert "What changed from" in (tmp_path / "d.html").read_text()


def test_a_page_that_cannot_be_written_is_a_sentence(cli, model, tmp_path):
    (tmp_path / "taken").write_text("a file, no folder")
    (tmp_path / "full").mkdir()
    for path in ("taken/a.html", "full"):
        code, out, err = cli("flow", model, "--probes", "facts.jsonl", "--page", path)
        assert (code, out) == (2, ""), "told before the work and not after it"
        assert err.startswith("error: ")
        assert len(err.strip().splitlines()) == 1
        assert path in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["facts.jsonl", "full", "taken"]


def test_what_two_facts_ask_is_edited_once(cli, model, tmp_path):
    facts = [
        FACT,
        FACT | {"fact": "f2", "class": "store"},
        FACT | {"fact": "f3", "question": "It is"},
    ]
    (tmp_path / "facts.jsonl").write_text("\n".join(map(json.dumps, facts)))
    code, out, _ = cli("flow", model, "--probes", "facts.jsonl", "--edits", "--json")
    assert code == 0
    rows = {row["operator"]: row for row in json.loads(out)["edits"]}
    assert set(rows) == {"nothing", "context", "store", "rank one", "fine-tune"}
    assert all(row["said"]["n"] == 2 for row in rows.values())


def test_a_path_that_is_no_text_is_told_as_numbers(cli, model, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["duotempo", "flow", "m\udcff"])
    asked = ("flow", model, "--probes", "facts.jsonl")
    assert cli(*asked, "--page", "a.html", "--json")[0] == 0
    assert "m\\udcff" in (tmp_path / "a.html").read_text()


def test_a_bad_probe_file_is_a_sentence(cli, model, tmp_path):
    (tmp_path / "facts.jsonl").write_text(json.dumps(FACT) + "\n{\n")
    code, _, err = cli("flow", model, "--probes", "facts.jsonl")
    assert code == 2
    assert "line 2 is no JSON" in err


def test_what_is_no_report_is_a_sentence(cli):
    assert cli("flow", "diff", "facts.jsonl", "facts.jsonl")[0] == 2
    assert cli("flow", "diff", "nowhere.json", "facts.jsonl")[0] == 2


def test_a_saved_reader_is_measured_with_its_fast_state(cli, tmp_path, monkeypatch):
    reader = a_life("latents")
    monkeypatch.setattr(pretrained, "load", lambda name, **_: worded())
    reader.save(tmp_path / "diary.state")
    assert cli("flow", "diary.state", "--probes", "facts.jsonl", "--save", "a.json")[0] == 0
    saved = json.loads((tmp_path / "a.json").read_text())
    assert saved["stores"] == ["attention", "latent"]
    assert "slots" in {row["group"] for row in saved["shares"]["rows"]}
    assert saved["shares"]["refused"] == ""


def test_the_state_of_a_native_model_is_sent_back(cli, tmp_path):
    (tmp_path / "native").mkdir()
    (tmp_path / "native" / "state.json").write_text('{"format": 1, "kind": "native"}')
    code, _, err = cli("flow", "native")
    assert code == 2
    assert "give the folder of the model itself" in err
