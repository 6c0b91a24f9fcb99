"""The commands with a model that has latents: audit, score, generate, read; what is refused."""

import json
from dataclasses import replace

import pytest
import torch

from duotempo.cli.app import run
from duotempo.models.latent_config import LatentConfig
from duotempo.models.saved import save_model
from duotempo.reader.native import NativeReader
from tests.models.test_latent import TINY, made
from tests.reader.native_lives import TEXT, put_model, same

SEGMENT = 32


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a model of bytes with latents."""
    torch.manual_seed(3)
    thinking = made().thinking_as(segment=SEGMENT).thinking
    folder = tmp_path_factory.mktemp("run") / "model"
    save_model(folder, LatentConfig(replace(TINY, vocab=256), thinking).build())
    return str(folder)


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder with a text in it; gives what it says as JSON."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT[:1200])

    def call(*argv):
        code = run([*argv, "--json", "--quiet"])
        out, err = capsys.readouterr()
        return json.loads(out) if code == 0 else (code, err)

    return call


def test_the_audit_shows_a_score_below_the_truth_and_one_above(cli):
    said = cli("latent", "audit")
    assert all(each["same_noise"] < said["truth"] < each["fresh_noise"] for each in said["scores"])
    assert said["floors"]["natural gradient from the prior"]["4"] == 0


def test_the_audit_is_readable(capsys):
    assert run(["latent", "audit"]) == 0
    assert "not a bound" in capsys.readouterr().out


def test_a_text_is_scored_by_every_estimate(cli, model):
    said = cli("latent", "score", model, "text.txt", "--segments", "4")
    assert said["bound"] == pytest.approx(said["reconstruction"] + said["kl"])
    assert said["weighted.64"] <= said["weighted.8"] + 0.05
    assert said["bytes"] == 4 * SEGMENT
    without = cli("latent", "score", model, "text.txt", "--segments", "4", "--steps", "0")
    assert without["kl"] == 0


def test_the_table_says_what_is_no_bound(cli, model, capsys):
    assert run(["latent", "score", model, "text.txt", "--segments", "2"]) == 0
    assert "NOT A BOUND" in capsys.readouterr().out


def test_too_short_a_text_is_refused(cli, model, tmp_path):
    (tmp_path / "short.txt").write_text("Ann has a dog.")
    code, err = cli("latent", "score", model, "short.txt")
    assert code == 2
    assert "at least 65" in err


def test_a_model_without_latents_is_refused(cli, tmp_path):
    put_model(tmp_path / "plain")
    for command in (["latent", "score", "plain", "text.txt"], ["generate", "plain", "a"]):
        code, err = cli(*command)
        assert code == 2
        assert "has no latents" in err


def test_generation_is_by_the_seed_with_and_without_a_prompt(cli, model):
    for prompt in ("", "It rained all day, and"):
        texts = [
            cli("generate", model, prompt, "--tokens", "9", "--refit", "8", "--seed", seed)["text"]
            for seed in ("1", "1", "2")
        ]
        assert texts[0] == texts[1] != texts[2]


def test_a_long_text_is_read_saved_and_gone_on_from(cli, model):
    cli("read", "text.txt", "--model", model, "--save", "state")
    first, again = (cli("generate", "state", "Rex", "--tokens", "5")["text"] for _ in range(2))
    assert first == again


def test_a_refit_is_not_for_a_saved_state(cli, model):
    cli("read", "text.txt", "--model", model, "--save", "state")
    code, err = cli("generate", "state", "Rex", "--refit", "8")
    assert code == 2
    assert "--refit" in err


def test_a_reader_that_was_saved_mid_segment_lives_on_the_same(model, tmp_path):
    whole, first = NativeReader.open(model), NativeReader.open(model)
    first.read(TEXT[:301], name="a")
    first.save(tmp_path / "state")
    second = NativeReader.load(tmp_path / "state")
    for reader in (first, second):
        reader.read(TEXT[301:900], name="b")
    assert same(first, second)
    whole.read(TEXT[:900])
    assert whole.tokens_read == first.tokens_read
