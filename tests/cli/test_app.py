"""The command as a whole: quick help without torch, examples, exit codes, errors as sentences."""

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest
from cyclopts import App

from duotempo.cli.app import app, run
from duotempo.core import UserError


def commands(of: App = app, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The path of every command, those of sub-applications too."""
    for name in of:
        if not name.startswith("-"):
            yield (*path, name)
            yield from commands(of[name], (*path, name))


PATHS = list(commands())
each_command = pytest.mark.parametrize("path", PATHS, ids=" ".join)


def python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_all_commands_are_there():
    names = {"demo", "read", "ask", "generate", "score"}
    assert names <= {" ".join(path) for path in PATHS}


@each_command
def test_every_command_shows_an_example(path, capsys):
    assert run([*path, "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert shown.count(" ".join(("duotempo", *path))) >= 2, "the usage line and an example"


def test_help_of_every_command_loads_no_torch():
    lines = ["import sys", "from duotempo.cli.app import run"]
    lines += [f"assert run({[*path, '--help']}) == 0" for path in [(), *PATHS]]
    lines += ["assert 'torch' not in sys.modules, 'torch was loaded'"]
    done = python("\n".join(lines))
    assert done.returncode == 0, done.stderr


def test_help_comes_in_half_a_second():
    def seconds() -> float:
        """Processor time of all finished children: waiting for a busy machine does not count."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    def taken(code: str) -> float:
        begun = seconds()
        assert python(code).returncode == 0
        return seconds() - begun

    parser = taken("import cyclopts, rich.console")  # what a slow machine takes for that alone
    assert taken("from duotempo.cli.app import run; run(['--help'])") < max(0.5, 3 * parser)


def test_the_version_is_told(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == "0.1.0\n"


@pytest.mark.parametrize(
    "argv",
    [
        ["read"],
        ["reed", "diary.txt"],
        ["read", "diary.txt", "--windw", "4"],
        ["read", "--windw", "4", "diary.txt"],
        ["read", "diary.txt", "--seed", "one"],
        ["read", "diary.txt", "--threads", "0"],
        ["read", "diary.txt", "--fast", "quick"],
        ["read", "diary.txt", "more.txt"],
        ["ask", "diary.state"],
    ],
)
def test_a_mistyped_command_is_one_sentence_and_code_2(argv, cli):
    ran = cli(*argv)
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1


def test_a_user_error_is_its_own_sentence_and_code_2(cli, fake, diary):
    fake.trouble["sleep"] = UserError("read [more] first")
    ran = cli("read", str(diary))
    assert (ran.code, ran.err) == (2, "error: read [more] first\n")


def test_an_unexpected_error_is_one_line_and_code_1(cli, fake, diary):
    fake.trouble["sleep"] = ZeroDivisionError("a\nb")
    ran = cli("read", str(diary))
    assert ran.code == 1
    assert ran.err == "error: ZeroDivisionError: a b; this is a bug: run again with --debug\n"


def test_debug_shows_the_traceback(cli, fake, diary):
    fake.trouble["sleep"] = ZeroDivisionError("a")
    ran = cli("read", str(diary), "--debug")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert "reader.sleep(passes)" in ran.err


def test_a_full_disk_is_named(cli, fake, diary, tmp_path):
    fake.trouble["save"] = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    ran = cli("read", str(diary), "--save", str(tmp_path / "state"))
    assert ran.code == 2
    assert "disk is full" in ran.err


def test_a_forbidden_folder_is_named(cli, fake, diary):
    fake.trouble["save"] = PermissionError(errno.EACCES, "Permission denied", "/forbidden")
    ran = cli("read", str(diary), "--save", "/forbidden")
    assert ran.code == 2
    assert ran.err == "error: /forbidden: Permission denied; give another path\n"


def test_a_closed_pipe_is_no_error():
    seen, end = os.pipe()
    os.close(seen)
    code = (
        "import duotempo.cli.app as cli; from duotempo.cli.console import show_text\n"
        "cli.app = lambda argv: show_text('word ' * 99999)\n"
        "cli.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], stdout=end, stderr=subprocess.PIPE)
    os.close(end)
    assert (done.returncode, done.stderr) == (0, b"")


def test_threads_are_set_before_the_model_is_opened(cli, diary):
    import torch

    before = torch.get_num_threads()
    try:
        assert cli("read", str(diary), "--threads", "2").code == 0
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
