"""Laws of saving: the same life in a new process, and the old state until the new one is whole."""

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from duotempo.core import UserError, state_folder
from duotempo.models.pretrained import load
from duotempo.reader import Reader, Settings, files
from duotempo.reader.shelf import copied
from tests.models.minds import a_memory
from tests.reader.killed import TIMES
from tests.reader.lives import KINDS, TEXT, a_life, a_reader, assert_same_life, write_worded

ROOT = Path(__file__).parents[2]
WHOLE = ["archive", "fast", "state.json"]
each_kind = pytest.mark.parametrize("fast", KINDS)
ELSEWHERE = """
import json, sys
import torch
from duotempo.models import pretrained
from duotempo.reader import Reader
pretrained.best_dtype = lambda: torch.float32
torch.use_deterministic_algorithms(True)
facts = []
for folder in sys.argv[1:]:
    with Reader.load(folder) as reader:
        ids = reader.awake.window[None]
        with torch.no_grad():
            said = reader.body.logits(reader.body.upper(reader.body.trunk(ids), reader.memory))
        facts.append({
            "logits": said[0, -1].tolist(),
            "generated": reader.generate("Then", tokens=12),
            "bits": str(reader.score("It rained again, and Ann has a dog.")),
            "asked": str(reader.ask("Who has a dog?")),
            "summary": reader.summary(),
            "settings": str(reader.settings),
            "verdict": str(reader.awake.verdict and reader.awake.verdict.trials),
        })
print(json.dumps(facts))
"""


def run_elsewhere(*folders):
    code = [sys.executable, "-c", ELSEWHERE, *map(str, folders)]
    done = subprocess.run(code, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_saved_and_loaded_in_a_new_process_it_says_the_same(tmp_path):
    model = load(str(write_worded(tmp_path / "model")), dtype=torch.float32)
    for fast in KINDS:
        reader = Reader(model, Settings(fast, window=48, every=512, mode="remember", passes=1))
        reader.read(TEXT, name="diary")
        reader.memory = a_memory(reader.body, fast)
        reader.save(tmp_path / fast)
    elsewhere = json.loads(run_elsewhere(*(tmp_path / fast for fast in KINDS)))
    for fast, facts in zip(KINDS, elsewhere, strict=True):
        with Reader.load(tmp_path / fast) as reader:
            ids = reader.awake.window[None]
            with torch.no_grad():
                said = reader.body.logits(reader.body.upper(reader.body.trunk(ids), reader.memory))
            assert facts["logits"] == said[0, -1].tolist()
            assert facts["generated"] == reader.generate("Then", tokens=12)
            assert facts["bits"] == str(reader.score("It rained again, and Ann has a dog."))
            assert facts["asked"] == str(reader.ask("Who has a dog?"))
            assert facts["summary"] == reader.summary()
            assert facts["settings"] == str(reader.settings)
            assert reader.awake.verdict is not None
            assert facts["verdict"] == str(reader.awake.verdict.trials)


@each_kind
def test_a_loaded_reader_goes_on_as_if_it_had_never_been_saved(fast, at_hand, tmp_path):
    reader = a_life(fast, every=None)
    reader.save(tmp_path / "s")
    later = Reader.load(tmp_path / "s")
    assert_same_life(later, reader)
    for one in (reader, later):
        one.read(TEXT[1500:2500], name="more")
        one.sleep(1)
    assert_same_life(later, reader)


def test_a_state_keeps_the_dtype_of_its_model(tmp_path):
    model = load(str(write_worded(tmp_path / "model")), dtype=torch.bfloat16)
    Reader(model, Settings("none", window=48)).save(tmp_path / "s")
    with Reader.load(tmp_path / "s") as later:
        assert later.model.model.dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", [None, "float64", "torch.float32", "", 7, ["float32"]])
def test_a_dtype_of_another_kind_is_refused(dtype, at_hand, tmp_path):
    a_reader("none").save(tmp_path)
    facts = json.loads((tmp_path / "state.json").read_text())
    (tmp_path / "state.json").write_text(json.dumps(facts | {"dtype": dtype}))
    with pytest.raises(UserError, match="the dtype of its model"):
        Reader.load(tmp_path)


def names(folder):
    return sorted(path.name.partition("-")[0] for path in folder.iterdir())


def test_a_folder_holds_the_last_state_and_nothing_else(at_hand, tmp_path):
    reader = a_life("weights")
    for text in ("It rained. ", "It snowed. "):
        reader.read(text, name="weather")
        reader.save(tmp_path)
        assert names(tmp_path) == WHOLE
        assert_same_life(Reader.load(tmp_path), reader)


def test_files_of_others_are_left_alone(at_hand, tmp_path):
    others = ["archive-2024.zip", "fast-food.txt", "notes.md", f"fast-{'0' * 64}.safetensors.bak"]
    for name in others:
        (tmp_path / name).write_text("mine")
    reader = a_reader("none")
    for _ in range(2):
        reader.read("Ann has a dog. ")
        reader.save(tmp_path)
    assert all((tmp_path / name).read_text() == "mine" for name in others)
    assert len(list(tmp_path.iterdir())) == len(others) + 3


def test_another_programs_state_is_not_written_over(tmp_path):
    (tmp_path / "state.json").write_text('{"theirs": 1}')
    with pytest.raises(UserError, match="another folder"):
        a_reader("none").save(tmp_path)
    assert (tmp_path / "state.json").read_text() == '{"theirs": 1}'
    assert names(tmp_path) == ["state.json"]


@contextmanager
def killer(folder: Path) -> Iterator[Callable[[str], str]]:
    """Within: a function that starts the next save, kills it at a moment, and says if it could."""
    code = [sys.executable, "-m", "tests.reader.killed", str(folder)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    with subprocess.Popen(code, **pipes) as process:

        def kill(moment: str) -> str:
            process.stdin.write(f"{moment}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield kill


def whole(folder: Path) -> int:
    """The number of the state in a folder, which all its parts say."""
    saved = files.read(folder)
    number = saved.facts["number"]
    assert saved.tensors["n"].unique().tolist() == [number]
    shelf = copied(saved.archive)  # opened in its place it would change
    assert shelf.archive.text() == f"{number} " * TIMES
    shelf.close()
    return number


def test_killed_at_any_moment_of_a_save_there_is_a_whole_state(tmp_path):
    folder, last, kept = tmp_path / "s", 0, []
    with killer(folder) as kill:
        for number, line in enumerate(range(1, 2000, 3), 1):
            ended = kill(f"line {line}")
            found = whole(folder)
            assert found in (last, number)
            kept.append(found == last)
            last = found
            if ended != "killed":
                break
    assert ended == "ended 0"
    assert kept == sorted(kept, reverse=True), "what is in place at one line is so at later ones"
    assert 10 < sum(kept) < len(kept) - 2
    assert names(folder) == WHOLE


def test_killed_within_a_write_the_old_state_is_whole(tmp_path):
    folder = tmp_path / "s"
    with killer(folder) as kill:
        for size in (100, 20_000, 60_000):
            assert kill(f"byte {size}") == "killed"
            assert whole(folder) == 0
            assert len(names(folder)) > 3, "something was left half way"
        assert kill("line 2000") == "ended 0"
    assert whole(folder) == 4
    assert names(folder) == WHOLE


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [500, 8_000, 30_000])
def test_a_full_disk_leaves_the_old_state(size, at_hand, tmp_path):
    reader = a_life("weights")
    reader.save(tmp_path / "s")
    before = {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()}
    twin = reader.fork()
    reader.read(TEXT[1500:] * 2, name="more")
    with no_file_larger_than(size), pytest.raises(UserError, match=r"space|make room|full"):
        reader.save(tmp_path / "s")
    assert {path.name: path.read_bytes() for path in (tmp_path / "s").iterdir()} == before
    assert_same_life(Reader.load(tmp_path / "s"), twin)
    reader.save(tmp_path / "s")
    assert_same_life(Reader.load(tmp_path / "s"), reader)


@pytest.mark.parametrize("step", [0, 1, 2])
def test_a_disk_that_fills_up_at_a_rename_leaves_the_old_state(
    step, at_hand, monkeypatch, tmp_path
):
    reader, left, replace = a_life("none"), [step], os.replace
    reader.save(tmp_path)
    twin = reader.fork()
    reader.read("It snowed.")

    def full(source, target):
        if Path(target).parent == tmp_path:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match="free some space"):
        reader.save(tmp_path)
    monkeypatch.setattr(os, "replace", replace)
    assert not list(tmp_path.glob(".saving-*"))
    assert_same_life(Reader.load(tmp_path), twin)


def test_the_names_are_on_disk_before_the_old_files_go_and_those_may_stay(
    at_hand, monkeypatch, tmp_path
):
    settled, fsync = [], os.fsync
    a_life("none").save(tmp_path)
    monkeypatch.setattr(os, "fsync", lambda n: settled.append(os.fstat(n).st_ino) or fsync(n))

    def stuck(path, **_):
        assert settled[-1] == tmp_path.stat().st_ino
        raise PermissionError(errno.EPERM, "held by another program", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", stuck)
        files.write(tmp_path, {}, {"n": torch.ones(1)}, lambda path: path.write_bytes(b"new"))
    assert len(names(tmp_path)) > 3
    assert files.read(tmp_path).archive.read_bytes() == b"new"


@pytest.mark.parametrize("step", [0, 1, 2])
def test_an_interrupted_save_leaves_the_old_state(step, at_hand, monkeypatch, tmp_path):
    reader, left, settle = a_life("none"), [step], state_folder.settle
    reader.save(tmp_path)
    twin = reader.fork()
    reader.read("It snowed.")

    def interrupted(path):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        settle(path)

    monkeypatch.setattr(state_folder, "settle", interrupted)
    with pytest.raises(KeyboardInterrupt):
        reader.save(tmp_path)
    assert not list(tmp_path.glob(".saving-*"))
    assert_same_life(Reader.load(tmp_path), twin)


def test_where_nothing_can_be_written_a_sentence_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "s"):
        with pytest.raises(UserError, match="choose another folder"):
            a_reader("none").save(folder)


def test_no_room_for_temporary_files_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(UserError, match="TMPDIR"):
        a_reader("none")
