"""The commands with a real (tiny, random) model: read, go on, ask, generate, score, Ctrl-C."""

import array
import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from inspect import signature

import pytest

from duotempo.cli.app import run
from duotempo.reader import Reader
from tests.cli.conftest import FakeReader
from tests.models.tiny import tiny_llama

DIARY = "Ann has a dog. The dog is called Rex. It rained all day, and nobody went out. " * 4


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A folder with a tiny model."""
    return str(tiny_llama(tmp_path_factory.mktemp("model")))


@pytest.fixture
def duotempo(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder with a text in it; gives its JSON."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "diary.txt").write_text(DIARY)

    def call(*argv):
        assert run([*argv, "--json"]) == 0, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return call


def test_a_text_is_read_slept_on_saved_and_used(duotempo, model):
    options = ["--model", model, "--window", "64", "--passes", "1", "--save", "s"]
    read = duotempo("read", "diary.txt", *options)
    assert read["read"]["tokens"] == len(DIARY)
    assert read["slept"]["trials"][0]["passes"] == 0
    assert read["state"]["tokens_read"] == len(DIARY)
    more = duotempo("read", "diary.txt", "--resume", "s", "--save", "s", "--passes", "0")
    assert more["state"]["tokens_read"] == 2 * len(DIARY)
    asked = duotempo("ask", "s", "What is the dog called?", "--sentences", "1")
    assert [found["text"] for found in asked["sentences"]] == ["The dog is called Rex."]
    assert duotempo("generate", "s", "Ann", "--tokens", "4")["prompt"] == "Ann"
    bits = duotempo("score", "s", "diary.txt")["bits"]
    assert bits["mixed"] <= min(bits["none"], bits["alone"]) + 0.05


@pytest.mark.parametrize("fast", ["latents", "none"])
def test_the_other_fast_channels_read_too(duotempo, model, fast):
    options = ["--model", model, "--window", "64", "--passes", "1", "--fast", fast]
    assert duotempo("read", "diary.txt", *options)["state"]["fast"] == fast


def test_sleeping_on_the_way_needs_no_rest(duotempo, model):
    options = ["--model", model, "--window", "64", "--every", "16", "--passes", "1"]
    state = duotempo("read", "diary.txt", *options)["state"]
    assert state["tokens_waiting"] == 0
    assert state["tokens_slept_on"] == len(DIARY) - 64


def test_one_token_that_is_left_after_a_sleep_is_no_error(duotempo, model, tmp_path):
    (tmp_path / "diary.txt").write_text(DIARY[: 64 + 192 + 1])
    options = ["--model", model, "--window", "64", "--every", "192", "--passes", "1"]
    state = duotempo("read", "diary.txt", *options)["state"]
    assert (state["tokens_slept_on"], state["tokens_waiting"]) == (192, 1)


def test_without_a_fast_channel_a_short_text_needs_no_sleep(duotempo, model, tmp_path):
    (tmp_path / "diary.txt").write_text("Ann has a dog.")
    options = ["--model", model, "--window", "64", "--fast", "none", "--ask", "Zanzibar?"]
    read = duotempo("read", "diary.txt", *options)
    assert read["slept"] is None
    assert read["answers"] == [{"question": "Zanzibar?", "answer": "", "sentences": []}]


def test_a_stream_that_breaks_keeps_what_was_read_and_the_mended_one_goes_on(
    duotempo, model, tmp_path
):
    text, whole = tmp_path / "diary.txt", DIARY * 64
    text.write_bytes(whole.encode() + b"\xff")
    options = ["--save", "s", "--passes", "0"]
    assert run(["read", str(text), "--model", model, "--window", "64", *options]) == 2
    with Reader.load(tmp_path / "s") as reader:
        kept = reader.archive.text("diary.txt")
    assert len(kept) > len(whole) / 2
    assert whole.startswith(kept)
    text.write_text(whole)
    state = duotempo("read", "diary.txt", "--resume", "s", *options)["state"]
    assert state["tokens_read"] == len(whole)


def test_a_text_shorter_than_the_window_is_kept_and_refused(tmp_path, model, capsys):
    text, folder = tmp_path / "short.txt", tmp_path / "s"
    text.write_text("Ann has a dog.")
    options = ["--model", model, "--window", "64", "--save", str(folder)]
    assert run(["read", str(text), *options]) == 2
    assert "nothing has left the window" in capsys.readouterr().err.splitlines()[-1]
    assert Reader.load(folder).summary()["tokens_read"] == len("Ann has a dog.")


def test_ctrl_c_saves_what_was_read(tmp_path, model):
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from duotempo.cli.app import main; main()"
    )
    argv = [sys.executable, "-c", code, "read", "-", "--model", model, "--window", "64"]
    text = DIARY * 40
    end, begin = os.pipe()
    with subprocess.Popen(argv, stdin=end, stderr=subprocess.PIPE, text=True, cwd=tmp_path) as done:
        os.write(begin, text.encode())
        wait_until_read(end)
        done.send_signal(signal.SIGINT)
        _, said = done.communicate(timeout=60)
    os.close(begin)
    os.close(end)
    (folder,) = tmp_path.glob("duotempo-interrupted-*")
    assert (done.returncode, folder.name in said, "Traceback" in said) == (130, True, False)
    reader = Reader.load(folder)
    kept = reader.archive.text("standard input")
    assert kept
    assert text.startswith(kept)
    assert reader.summary()["tokens_read"] == len(kept)


def wait_until_read(end):
    """Wait until a pipe has been emptied, and a little longer."""
    waiting = array.array("i", [1])
    for _ in range(600):
        fcntl.ioctl(end, termios.FIONREAD, waiting)
        if not waiting[0]:
            break
        time.sleep(0.1)
    time.sleep(0.5)


@pytest.mark.parametrize("name", ["open", "load", "read", "sleep", "ask", "score", "save"])
def test_the_fake_reader_can_be_called_as_the_real_one(name):
    real, fake = (list(signature(getattr(kind, name)).parameters) for kind in (Reader, FakeReader))
    assert fake == real
