"""The commands with a native model: read, go on, ask, generate, what is refused, Ctrl-C."""

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest

from duotempo.cli.app import run
from duotempo.models.saved import save_model
from duotempo.reader.native import NativeReader
from duotempo.sleep.recurrent import SleeperConfig
from tests.reader.native_lives import TEXT, put_model
from tests.sleep.sleepers import SLEEPERS


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of a run with a model in it."""
    folder = tmp_path_factory.mktemp("run")
    put_model(folder / "model")
    return str(folder)


@pytest.fixture
def cli(tmp_path, monkeypatch, capsys):
    """Run a command in an empty folder with a text in it; gives code, output, errors."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text(TEXT)

    def call(*argv):
        code = run(argv)
        return code, *capsys.readouterr()

    return call


def good(ran):
    """The output of a command that went well."""
    code, out, err = ran
    assert code == 0, err
    return out


def test_a_text_is_read_saved_and_used(cli, model):
    options = ("--model", model, "--save", "s", "--ask", "The dog is", "--ask", "Ann has", "--json")
    read = json.loads(good(cli("read", "text.txt", *options)))
    size = len(TEXT.encode())
    assert read["read"]["tokens"] == read["state"]["tokens_read"] == size
    assert read["slept"] is None
    assert read["saved"] == "s"
    assert [sorted(each) for each in read["answers"]] == [["answer", "question"]] * 2
    state = read["state"]
    assert state["kind"] == "native"
    assert min(state["state_bytes"], state["tokens_per_second"], state["peak_bytes"]) > 0
    more = json.loads(good(cli("read", "text.txt", "--resume", "s", "--save", "s", "--json")))
    assert more["state"]["tokens_read"] == 2 * size
    assert more["state"]["state_bytes"] == state["state_bytes"]
    asked = json.loads(good(cli("ask", "s", "The dog is", "--tokens", "3", "--json")))
    assert asked == {
        "question": "The dog is",
        "answer": NativeReader.load("s").ask("The dog is", tokens=3),
    }
    said = json.loads(good(cli("generate", "s", "Ann", "--tokens", "4", "--json")))
    assert said == {"prompt": "Ann", "text": NativeReader.load("s").generate("Ann", tokens=4)}


def test_people_see_speed_state_and_memory(cli, model):
    lines = good(cli("read", "text.txt", "--model", model, "--ask", "Ann has")).splitlines()
    assert lines[0].startswith(f"read    {len(TEXT.encode()):,} bytes in ")
    assert lines[0].endswith("a second")
    assert lines[1].startswith("state   0.0")
    assert lines[2].startswith("memory  ")
    assert lines[3] == "saved   nowhere: name a folder with --save to keep it"
    assert "Q  Ann has" in lines


def test_the_folder_of_the_model_itself_will_do(cli, model):
    good(cli("read", "text.txt", "--model", f"{model}/model"))


@pytest.mark.parametrize(
    "option",
    [
        ["--window", "64"], ["--fast", "latents"], ["--every", "64"], ["--mode", "remember"],
        ["--passes", "0"], ["--seed", "1"],
    ],
)  # fmt: skip
def test_options_of_the_other_reader_are_refused(cli, model, option):
    code, _, err = cli("read", "text.txt", "--model", model, *option, "--save", "s")
    assert code == 2
    assert f"leave out {option[0]}" in err
    assert err.count("\n") == 1


def test_options_that_a_native_state_has_no_use_for_are_refused(cli, model):
    good(cli("read", "text.txt", "--model", model, "--save", "s"))
    for argv, said in (
        (("ask", "s", "Ann", "--sentences", "2"), "leave out --sentences"),
        (("ask", "s", "Ann", "--seed", "2"), "leave out --seed"),
        (("score", "s", "text.txt"), "`duotempo generate`"),
        (("read", "text.txt", "--resume", "s", "--passes", "1"), "leave out --passes"),
        (("read", "text.txt", "--resume", "s", "--window", "64"), "leave out --window"),
    ):
        code, _, err = cli(*argv)
        assert code == 2
        assert said in err
        assert err.count("\n") == 1


@pytest.fixture(scope="module")
def sleeper(tmp_path_factory):
    """The folder of a model that was trained to sleep on every 9 bytes."""
    config, policy = SLEEPERS["hybrid"]
    folder = tmp_path_factory.mktemp("run") / "model"
    save_model(folder, SleeperConfig(replace(config, vocab=256), policy).build())
    return str(folder)


def test_a_model_that_sleeps_says_so_and_how(cli, sleeper, tmp_path):
    (tmp_path / "short.txt").write_text(TEXT[:32])
    for option, windows in (
        ((), "windows of 9 bytes, 3 passes on 3"),
        (("--sleep-passes", "1"), "windows of 9 bytes, 1 pass on 3"),
    ):
        out = good(cli("read", "short.txt", "--model", sleeper, *option))
        assert windows in out
    options = ("--sleep-passes", "2", "--choose-passes", "--save", "s", "--json")
    read = json.loads(good(cli("read", "short.txt", "--model", sleeper, *options)))
    sleep = read["state"]["sleep"]
    assert sleep["window"] == 9
    assert sleep["chosen"]
    assert sum(sleep["windows"].values()) == 3
    more = json.loads(good(cli("read", "short.txt", "--resume", "s", "--json")))
    assert more["state"]["sleep"]["chosen"]


def test_a_sleep_that_cannot_be_is_one_sentence(cli, sleeper, model, tmp_path):
    (tmp_path / "tiny.txt").write_text("Ann")
    for argv, said in (
        (("tiny.txt", "--model", sleeper, "--sleep-passes", "2"), "fit into the window of 9"),
        (("text.txt", "--model", sleeper, "--sleep-passes", "0"), "give at least 1"),
        (("text.txt", "--model", sleeper, "--sleep-passes", "-3"), "give at least 1"),
        (("text.txt", "--sleep-passes", "2"), "only a native model sleeps so"),
        (("text.txt", "--choose-passes"), "--choose-passes: only a native model"),
    ):
        code, _, err = cli("read", *argv)
        assert code == 2
        assert said in err
        assert err.count("\n") == 1


def test_bad_input_is_one_sentence_and_keeps_what_was_there(cli, model, tmp_path):
    good(cli("read", "text.txt", "--model", model, "--save", "s"))
    before = (tmp_path / "s" / "state.json").read_bytes()
    (tmp_path / "empty.txt").touch()
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "folder").mkdir()
    for argv, said in (
        (("empty.txt", "--resume", "s"), "empty"),
        (("latin.txt", "--resume", "s"), "not UTF-8"),
        (("missing.txt", "--resume", "s"), "missing.txt"),
        (("text.txt", "--model", "folder"), "config.json"),
    ):
        code, _, err = cli("read", *argv, "--save", "s")
        assert code == 2
        assert said in err
        assert err.count("\n") == 1
        assert (tmp_path / "s" / "state.json").read_bytes() == before


def test_ctrl_c_saves_what_was_read_and_the_same_text_goes_on(cli, model, monkeypatch, tmp_path):
    @contextmanager
    def stopping(quiet=False):
        left = [3]  # one of them tells of the loading

        def tell(*_):
            left[0] -= 1
            if not left[0]:
                raise KeyboardInterrupt

        yield tell

    with monkeypatch.context() as patch:
        patch.setattr("duotempo.cli.read.telling", stopping)
        code, _, err = cli("read", "text.txt", "--model", model)
    assert code == 130
    (folder,) = tmp_path.glob("duotempo-interrupted-*")
    assert f"--resume {folder.name}" in err
    assert NativeReader.load(folder).tokens_read == 2 * 2048
    options = ("--resume", folder.name, "--json")
    read = json.loads(good(cli("read", "text.txt", *options)))
    assert read["state"]["tokens_read"] == len(TEXT.encode())
