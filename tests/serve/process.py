"""A server as people start it: `duotempo serve` in a process of its own, which may be killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
RUN = "from duotempo.cli.app import main; main()"
EASY = ("--rate", "10000", "--burst", "10000", "--quiet", "--port", "0")


@contextmanager
def process(where: str, *more: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and its address; killed when this ends if it still runs."""
    command = [sys.executable, "-c", RUN, "serve", "--model", "echo", "--store", where]
    with subprocess.Popen(
        [*command, *EASY, *more], cwd=ROOT, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stderr is not None
            line = child.stderr.readline()
            assert line.startswith("http://"), line + child.stderr.read()
            yield child, line.split()[0].removesuffix("/v1")
        finally:
            child.kill()
