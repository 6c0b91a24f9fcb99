"""The command `recall`: a table by arm and kind, JSON, going on, mistakes in a sentence."""

import json

import pytest

from duotempo.cli.app import run
from tests.converse.evaluate.samples import Everything, locomo, longmemeval, written

KEY = {"Where did Ines move": "Ghent", "What does Olga like": "baking, chess"}


@pytest.fixture
def recall(tmp_path, monkeypatch, capsys):
    """Run `duotempo recall` with a model that answers by key; output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("duotempo.reader.memory_models.memory_model", lambda *_: Everything(KEY))

    def call(*words: str, code: int = 0):
        assert run(["recall", *words, "--quiet"]) == code
        return capsys.readouterr()

    return call


def test_it_shows_means_with_intervals_and_where_the_rest_is(recall, tmp_path):
    said = recall(str(written(tmp_path, locomo())))
    lines = said.out.splitlines()
    heads = [n for n, line in enumerate(lines) if line.split()[1:2] == ["n"]]
    assert len(heads) == 2
    answers, evidence = lines[: heads[1]], lines[heads[1] :]
    (single,) = [line for line in answers if line.startswith("memory, single-hop")]
    assert single.split()[2:] == ["1", "1.00", "(0.21-1.00)", "1.00", "(0.21-1.00)"]
    (single,) = [line for line in evidence if line.startswith("memory, single-hop")]
    assert single.split()[2:] == ["1", *["1.00", "(0.21-1.00)"] * 3]
    assert any(line.startswith("none, adversarial") for line in answers)
    assert not any(line.startswith("none") for line in evidence)
    alls = [line.split()[2] for line in answers if line.startswith("none, all")]
    assert alls == ["4", "1"]  # four are scored by F1, one by its denial
    assert "memories: 1 of 1 conversations have one" in said.err
    assert "runs/recall-data" in said.err
    assert (tmp_path / "runs" / "recall-data" / "result.json").exists()


def test_it_goes_on_and_speaks_json(recall, tmp_path):
    path = str(written(tmp_path, longmemeval()))
    first = json.loads(recall(path, "--limit", "1", "--json").out)
    both = json.loads(recall(path, "--json").out)
    kinds = [{cell["kind"] for cell in each["cells"]} for each in (first, both)]
    assert kinds[0] == kinds[1] == {"single-session-user", "all", "conversations"}
    counts = [
        [c["count"] for c in each["cells"] if c["score"] == "tokens"] for each in (first, both)
    ]
    assert counts == [[1, 1, 1], [2, 2, 2]]


def test_what_cannot_be_is_refused_in_a_sentence(recall, tmp_path):
    path = str(written(tmp_path, [{"conversation": {}}]))
    assert "[0].conversation has no session_1" in recall(path, code=2).err
    assert "No such file" in recall("nowhere.json", code=2).err
    path = str(written(tmp_path, locomo()))
    recall(path, "--out", "here")
    assert "differs in its budget" in recall(path, "--out", "here", "--budget", "99", code=2).err
