"""Two processes train together: one run at a stretch, and one that is broken off and goes on."""

import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import torch
import torch.distributed as dist

from duotempo.train import train
from tests.train.tiny import Config, Echo, a_run

ROOT = Path(__file__).parent.parent.parent
RUN = a_run(
    model=Config(dropout=0.0), held_out=Echo()
)  # each process would drop out at other places


class Halt(Exception):
    """The end of a run that is to be gone on with."""


def halt(what, done, total):
    """Break off in the middle of a run."""
    if done == 3:
        raise Halt


def learn(folder):
    """Train, break off, go on."""
    dist.init_process_group("gloo")
    train(RUN, folder / "whole", save_every=2)
    try:
        train(RUN, folder / "broken", save_every=2, tell=halt)
    except Halt:
        train(RUN, folder / "broken", save_every=2)
    dist.destroy_process_group()


def main(folder, size):
    """Fork the processes, each told its place as torchrun tells it, and see them all end well."""
    torch.set_num_threads(1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for rank in range(size):
        if os.fork() == 0:
            os.environ |= {name: str(value) for name, value in {**world, "RANK": rank}.items()}
            learn(folder)
            sys.exit()
    for _ in range(size):
        if os.wait()[1]:
            sys.exit("a process failed")


def start(folder, size=2):
    """Have so many processes train, and wait for them; one that fails leaves none behind."""
    command = [sys.executable, "-m", "tests.train.together", str(folder), str(size)]
    parent = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        assert parent.wait(timeout=600) == 0
    finally:
        with suppress(ProcessLookupError):
            os.killpg(parent.pid, signal.SIGKILL)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
