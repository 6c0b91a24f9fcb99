"""Laws of the archive on disk: nothing acknowledged is lost, and no file brings it down."""

import os
import signal
import sqlite3
import subprocess
import sys
from random import Random

import pytest

from duotempo.archive import Archive
from duotempo.archive.schema import MIGRATIONS
from duotempo.core import UserError

APPEND = """
import sys
from duotempo.archive import Archive
with Archive.open(sys.argv[1]) as archive:
    for i in range(int(sys.argv[3])):
        archive.append(sys.argv[2], f"Note {i} of {sys.argv[2]}. And ha")
        archive.append(sys.argv[2], "lf. ")
        print(i, flush=True)
"""
LIMITED = """
import resource, sys
from duotempo.archive import Archive
from duotempo.core import UserError
archive = Archive.open(sys.argv[1])
archive.append("t", "Kept. ")
resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))
try:
    for i in range(1000):
        archive.append("t", f"Word{i} " * 500)
except UserError as e:
    print(i, e)
    print(len(archive.text()))
"""


def start(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept.db"


@pytest.fixture
def filled(path):
    with Archive.open(path) as archive:
        archive.append("t", "The dog is called Bishop. Ines plays the harp. " * 200)
    return path


def test_what_was_kept_is_there_when_opened_again(filled):
    assert [p.name for p in filled.parent.iterdir()] == ["kept.db"]
    with Archive.open(filled) as archive:
        archive.append("t", "Then it rained.")
        assert archive.search("rain")[0].text == "Then it rained."
        assert archive.verify() == []


def test_killed_at_any_moment_it_has_what_it_acknowledged(path):
    for lines in (1, 7, 23):
        process = start(APPEND, path, f"life {lines}", 10_000)
        told = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        told += process.stdout.readlines()
        process.wait()
        process.stdout.close()
        with Archive.open(path) as archive:
            kept = archive.text(f"life {lines}")
            for i in map(int, told):
                assert f"Note {i} of life {lines}. And half. " in kept
            assert archive.search(f"note {len(told) - 1} life {lines}", 1)[0].source
            assert archive.verify() == []


def test_several_processes_write_and_read_at_once(path):
    writers = [start(APPEND, path, name, 40) for name in ("a", "b", "c")]
    with Archive.open(path) as archive:
        seen = 0
        while any(w.poll() is None for w in writers):
            now = len(archive.text())
            assert now >= seen
            seen = now
            archive.search("note half")
        for writer, name in zip(writers, "abc", strict=True):
            writer.stdout.close()
            assert writer.returncode == 0
            whole = "".join(f"Note {i} of {name}. And half. " for i in range(40))
            assert archive.text(name) == whole
        assert archive.verify() == []


def test_a_full_disk_is_a_sentence_and_what_was_kept_stays(path):
    process = start(LIMITED, path)
    said, characters = process.communicate()[0].splitlines()
    appended = int(said.split()[0])
    assert "disk" in said
    assert appended > 3
    text = "Kept. " + "".join(f"Word{i} " * 500 for i in range(appended))
    assert int(characters) == len(text)
    with Archive.open(path) as archive:
        assert archive.text() == text
        assert archive.verify() == []


def test_a_copy_is_whole_alone_and_goes_its_own_way(filled, tmp_path):
    with Archive.open(filled) as archive:
        archive.append("t", "Still in the write-ahead log. ")
        archive.copy(tmp_path / "copy.db")
        os.rename(tmp_path / "copy.db", tmp_path / "moved.db")
        with Archive.open(tmp_path / "moved.db") as copy:
            copy.append("t", "Only in the copy. ")
            assert copy.verify() == []
            assert copy.text() == archive.text() + "Only in the copy. "
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kept.db", "moved.db"]


def test_a_copy_that_cannot_be_leaves_nothing_behind(filled, tmp_path):
    with Archive.open(filled) as archive:
        with pytest.raises(UserError, match="exists"):
            archive.copy(filled)
        with pytest.raises(UserError, match="cannot be opened"):
            archive.copy(tmp_path / "nowhere" / "copy.db")
        (tmp_path / "copy.db.part").write_text("left by one that was killed")
        archive.copy(tmp_path / "copy.db")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy.db", "kept.db"]


def test_a_copy_of_one_in_memory_can_be_kept_on_disk(path):
    with Archive.open(":memory:") as archive:
        archive.append("t", "It rained.")
        archive.copy(path)
    with Archive.open(path) as archive:
        assert archive.search("rain")[0].text == "It rained."


def test_files_that_are_no_archive_are_refused(tmp_path):
    (tmp_path / "text.db").write_text("This is not a database at all. " * 100)
    with sqlite3.connect(tmp_path / "foreign.db") as foreign:
        foreign.execute("CREATE TABLE things (id)")
    foreign.close()
    before = (tmp_path / "foreign.db").read_bytes()
    for name, said in {
        "text.db": "not an archive",
        "foreign.db": "another program's",
        ".": "cannot be opened",
        "nowhere/kept.db": "cannot be opened",
    }.items():
        with pytest.raises(UserError, match=said):
            Archive.open(tmp_path / name)
    assert (tmp_path / "foreign.db").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (f"PRAGMA user_version = {len(MIGRATIONS) + 1}", "later Duotempo"),
        ("DROP TABLE sentence", "another kind"),
        (
            "CREATE TRIGGER bad AFTER INSERT ON source BEGIN DELETE FROM sentence; END",
            "another kind",
        ),
        ("CREATE VIEW source2 AS SELECT * FROM source", "another kind"),
    ],
)
def test_newer_and_altered_archives_are_refused(filled, change, said):
    db = sqlite3.connect(filled)
    db.execute(change)
    db.close()
    with pytest.raises(UserError, match=said):
        Archive.open(filled)


def test_a_read_only_archive_is_a_sentence(filled):
    with Archive.open(filled) as archive:
        archive._db.execute("PRAGMA query_only = ON")
        with pytest.raises(UserError, match="may not be written"):
            archive.append("t", "More.")
        assert archive.search("dog")


def test_damage_is_a_sentence_and_never_a_crash(filled):
    sound = filled.read_bytes()
    random = Random(0)
    noticed = 0
    for _ in range(60):
        raw = bytearray(sound)
        if random.random() < 0.3:
            del raw[random.randrange(len(raw)) :]
        for _ in range(random.choice((1, 20, 400))):
            if raw:
                raw[random.randrange(len(raw))] = random.randrange(256)
        filled.write_bytes(raw)
        try:
            with Archive.open(filled) as archive:
                noticed += bool(archive.verify())
                archive.search("dog harp")
                archive.text()
                archive.append("t", "More. ")
        except UserError:
            noticed += 1
        for extra in ("-wal", "-shm", "-journal"):
            (filled.parent / (filled.name + extra)).unlink(missing_ok=True)
    assert noticed > 50


def test_the_archive_needs_no_torch():
    code = "import sys, duotempo.archive, duotempo.tasks.text; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_a_process_that_holds_the_archive_is_named(filled, monkeypatch):
    monkeypatch.setattr("duotempo.archive.schema.PATIENCE", 0.1)
    holder = sqlite3.connect(filled, isolation_level=None)
    with Archive.open(filled) as archive:
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(UserError, match="another process"):
            archive.append("t", "More.")
        holder.execute("ROLLBACK")
        archive.append("t", "More.")
    holder.close()
