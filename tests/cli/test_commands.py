"""The commands against a reader that obeys at once: what is read, saved, shown, and rescued."""

import io
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from duotempo.core import UserError


def test_read_hands_its_options_to_the_reader(cli, diary):
    options = "--model m --fast latents --window 64 --every 128 --mode remember --seed 7"
    ran = cli("read", str(diary), *options.split())
    assert ran.reader.settings == {
        "model": "m",
        "fast": "latents",
        "window": 64,
        "every": 128,
        "mode": "remember",
        "seed": 7,
    }


def test_read_sleeps_once_and_tells_what_happened(cli, diary):
    ran = cli("read", str(diary))
    assert ran.code == 0
    assert ran.reader.calls == [("read", None), ("sleep", None)]
    assert ran.out.startswith("read   10 tokens in 0.5 s")
    assert "kept N=1" in ran.out
    assert "nowhere: name a folder with --save" in ran.out
    assert ran.err == ""


def test_passes_bound_the_sleep_and_none_means_no_sleep(cli, diary):
    assert ("sleep", 3) in cli("read", str(diary), "--passes", "3").reader.calls
    assert cli("read", str(diary), "--passes", "0").reader.slept == 0


def test_a_reader_that_slept_on_all_it_read_is_not_asked_to_sleep_again(cli, diary):
    assert cli("read", str(diary), "--every", "16").reader.slept == 0


def test_passes_below_zero_are_refused_before_the_model_is_opened(cli, diary):
    ran = cli("read", str(diary), "--passes", "-1")
    assert (ran.code, ran.reader) == (2, None)
    assert "--passes -1: give 0 or more" in ran.err


def test_read_gives_machines_one_json_object(cli, diary, tmp_path):
    ran = cli("read", str(diary), "--json", "--save", "s", "--ask", "dog?", "--ask", "who?")
    facts = json.loads(ran.out)
    assert facts["read"]["tokens"] == 10
    assert facts["slept"]["passes"] == 1
    assert facts["slept"]["trials"][0] == {"passes": 0, "loss": 2.5}
    assert [a["question"] for a in facts["answers"]] == ["dog?", "who?"]
    assert facts["state"]["model"] == "smollm2"
    assert facts["saved"] == "s"
    assert (tmp_path / "s" / "fake.json").exists()


def test_read_saves_before_it_answers(cli, diary):
    calls = [name for name, _ in cli("read", str(diary), "--save", "s", "--ask", "q").reader.calls]
    assert calls == ["read", "sleep", "save", "ask"]


def test_a_saved_state_goes_on(cli, diary, tmp_path):
    cli("read", str(diary), "--save", "s")
    more = tmp_path / "more.txt"
    more.write_text("Then it snowed.")
    ran = cli("read", str(more), "--resume", "s", "--save", "s")
    assert ran.code == 0
    assert "".join(ran.reader.said) == diary.read_text() + more.read_text()


def test_a_resumed_reader_keeps_its_own_settings(cli, diary):
    cli("read", str(diary), "--save", "s")
    ran = cli("read", str(diary), "--resume", "s", "--window", "64")
    assert ran.code == 2
    assert "leave out --window when resuming" in ran.err


def test_standard_input_is_read_as_it_comes(cli, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("Ann naïve.".encode())))
    ran = cli("read", "-")
    assert "".join(ran.reader.said) == "Ann naïve."
    assert ran.reader.calls[0] == ("read", "standard input")


def test_ctrl_c_while_reading_saves_what_was_read_and_names_it(cli, fake, diary, tmp_path):
    fake.trouble["read"] = KeyboardInterrupt()
    ran = cli("read", str(diary))
    assert ran.code == 130
    (folder,) = tmp_path.glob("duotempo-interrupted-*")
    assert f"--resume {folder.name}" in ran.err
    assert diary.read_text().startswith(json.loads((folder / "fake.json").read_text())[0])


def test_ctrl_c_while_sleeping_saves_in_the_named_folder(cli, fake, diary, tmp_path):
    fake.trouble["sleep"] = KeyboardInterrupt()
    ran = cli("read", str(diary), "--save", "s")
    assert ran.code == 130
    assert "--resume s" in ran.err
    assert "".join(json.loads((tmp_path / "s" / "fake.json").read_text())) == diary.read_text()


def test_a_text_too_short_to_sleep_on_is_kept_and_refused(cli, fake, diary, tmp_path):
    fake.trouble["sleep"] = UserError("nothing has left the window yet")
    ran = cli("read", str(diary), "--save", "s")
    assert ran.code == 2
    assert ran.err.splitlines()[-1] == "error: nothing has left the window yet"
    assert (tmp_path / "s" / "fake.json").exists()


def test_a_file_that_cannot_be_read_leaves_the_saved_state_alone(cli, fake, diary, tmp_path):
    cli("read", str(diary), "--save", "s")
    before = (tmp_path / "s" / "fake.json").read_bytes()
    fake.trouble["read"] = UserError("binary")
    (tmp_path / "empty.txt").touch()
    for resume in ([], ["--resume", "s"]):
        assert cli("read", "empty.txt", "--save", "s", *resume).code == 2
        assert (tmp_path / "s" / "fake.json").read_bytes() == before


def test_a_stream_that_breaks_in_the_middle_keeps_what_came_before(cli, fake, diary, tmp_path):
    fake.trouble["read"] = UserError("not UTF-8 at byte 40")
    ran = cli("read", str(diary), "--save", "s")
    assert (ran.code, ran.reader.slept) == (2, 0)
    assert "--resume s" in ran.err
    assert ran.err.splitlines()[-1] == "error: not UTF-8 at byte 40"
    (half,) = json.loads((tmp_path / "s" / "fake.json").read_text())
    assert diary.read_text().startswith(half)


def test_without_a_folder_a_refusal_makes_none(cli, fake, diary, tmp_path):
    fake.trouble["read"] = UserError("not UTF-8 at byte 40")
    assert cli("read", str(diary)).code == 2
    assert list(tmp_path.iterdir()) == [diary]


def test_a_seed_is_refused_where_it_would_change_nothing(cli, saved, diary):
    for argv in (
        ("ask", saved, "q"),
        ("generate", saved),
        ("score", saved, str(diary)),
        ("read", str(diary), "--resume", saved),
    ):
        ran = cli(*argv, "--seed", "1")
        assert ran.code == 2
        assert "a saved state keeps its own seed: leave out --seed" in ran.err


def test_a_seed_below_zero_is_refused(cli, diary):
    ran = cli("read", str(diary), "--seed=-1")
    assert (ran.code, ran.reader) == (2, None)
    assert "seed" in ran.err


@pytest.fixture
def saved(cli, diary):
    """A saved state with the diary in it."""
    cli("read", str(diary), "--save", "s")
    return "s"


def test_ask_shows_the_sentences_it_read(cli, saved):
    ran = cli("ask", saved, "What is the dog called?", "--sentences", "2")
    assert ran.out.splitlines() == [
        "Q  What is the dog called?",
        "A  Rex",
        "  from these sentences:",
        "    Ann has a dog",
        "    The dog is Rex",
    ]


def test_ask_says_when_nothing_that_was_read_speaks_of_it(cli, saved):
    ran = cli("ask", saved, "Zanzibar?")
    assert ran.out == "Q  Zanzibar?\nA  nothing that was read speaks of this\n"
    facts = json.loads(cli("ask", saved, "Zanzibar?", "--json").out)
    assert facts == {"question": "Zanzibar?", "answer": "", "sentences": []}


def test_ask_gives_machines_json(cli, saved):
    facts = json.loads(cli("ask", saved, "dog?", "--json", "--sentences", "1").out)
    found = {"source": "diary.txt", "start": 0, "end": 0, "text": "Ann has a dog"}
    assert facts == {"question": "dog?", "answer": "Rex", "sentences": [found]}


def test_generate_goes_on_after_the_prompt(cli, saved):
    assert cli("generate", saved, "It went on", "--tokens", "2").out == "It went on and on and on\n"
    facts = json.loads(cli("generate", saved, "--tokens", "1", "--json").out)
    assert facts == {"prompt": "", "text": " and on"}


def test_score_tells_the_three_scores(cli, saved, diary):
    ran = cli("score", saved, str(diary))
    assert [line.split()[-2:] for line in ran.out.splitlines()[1:]] == [
        ["5.000", "bits/token"],
        ["4.500", "bits/token"],
        ["4.250", "bits/token"],
    ]
    facts = json.loads(cli("score", saved, str(diary), "--json").out)
    assert facts == {"tokens": 3, "bits": {"none": 5.0, "alone": 4.5, "mixed": 4.25}}


@pytest.mark.parametrize("command", [("ask", "none", "q"), ("generate", "none")])
def test_a_state_that_is_not_there_is_named(command, cli):
    ran = cli(*command)
    assert ran.code == 2
    assert "none holds no saved reader" in ran.err


def test_a_text_to_score_that_is_not_there_is_named(cli, saved):
    ran = cli("score", saved, "nowhere.txt")
    assert ran.code == 2
    assert "nowhere.txt" in ran.err


@pytest.fixture
def show(monkeypatch):
    """A demo that is over at once; gives what it was asked for."""
    asked = []

    def run(*options):
        asked.append(options[:4])
        rows = [("recall [bits]", "5.00", "1.00", "1.10", "0.90")]
        told = {"table": {"diary": rows}, "stream_table": [("bytes read", "9 in 1 s")]}
        told |= {"sleep_table": [("sleep", "1 hop"), ("1 pass", "0.50")]}
        return told | {"seconds": 61.2, "report": "out/report.html"}

    room = ModuleType("duotempo.study.demo")
    monkeypatch.setattr(room, "run", run, raising=False)
    monkeypatch.setitem(sys.modules, "duotempo.study.demo", room)
    return asked


def test_demo_shows_its_tables_and_where_the_page_is(cli, show):
    ran = cli("demo", "--size", "smoke", "--out", "out", "--seed", "3", "--threads", "1")
    assert show == [("smoke", Path("out"), 3, 1)]
    lines = [line.split() for line in ran.out.splitlines() if line.strip()]
    assert lines[0][0] == "diary"
    assert lines[1] == ["recall", "[bits]", "5.00", "1.00", "1.10", "0.90"]
    assert lines[2:4] == [["sleep", "1", "hop"], ["1", "pass", "0.50"]]
    assert lines[4] == ["a", "long", "text", "in", "flat", "memory"]
    assert lines[5] == ["bytes", "read", "9", "in", "1", "s"]
    assert lines[6:] == [["took", "61", "seconds"], ["report", "out/report.html"]]


def test_demo_gives_machines_its_numbers(cli, show):
    assert json.loads(cli("demo", "--json").out)["seconds"] == 61.2
