"""Saves in processes that are killed at a moment that is asked for on standard input."""

import os
import resource
import signal
import sys
import warnings
from pathlib import Path

import torch

from duotempo.archive import Archive
from duotempo.core import state_folder
from duotempo.reader import files

TIMES = 4000
"""How often a state says its number: in 32,000 bytes of tensors, and in a larger archive."""


def save(folder, number):
    """Save a state that says its number in each of its parts."""
    with Archive.open(":memory:") as archive:
        archive.append("t", f"{number} " * TIMES)
        files.write(folder, {"number": number}, {"n": torch.full((TIMES,), number)}, archive.copy)


def die_at_line(number):
    """From now on: kill -9 to this process before the nth line of the saving code."""
    left = number

    def count(frame, event, _):
        nonlocal left
        left -= event == "line"
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return count

    sys.settrace(lambda f, *_: count if f.f_code.co_filename == state_folder.__file__ else None)


def die_at_byte(size):
    """From now on: this process is killed by the system as a file grows beyond so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def main(folder):
    """Save 0; for each `line 5` or `byte 900` fork a save of 1, 2, ... and say how it ended."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # no second thread here that a fork could split
    plans = {"line": die_at_line, "byte": die_at_byte}
    save(folder, 0)
    for number, moment in enumerate(sys.stdin, 1):
        kind, at = moment.split()
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                plans[kind](int(at))
                save(folder, number)
                failed = 0
            finally:
                os._exit(failed)
        _, status = os.waitpid(child, 0)
        sys.stdout.write("killed\n" if os.WIFSIGNALED(status) else f"ended {status}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
