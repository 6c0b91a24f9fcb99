"""Two processes train together: one run at a stretch, and one that is broken off and goes on."""

import os
import socket
import subprocess
import sys
import time
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


def main(folder):
    """Train, break off, go on."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    train(RUN, folder / "whole", save_every=2)
    try:
        train(RUN, folder / "broken", save_every=2, tell=halt)
    except Halt:
        train(RUN, folder / "broken", save_every=2)
    dist.destroy_process_group()


def start(folder, size=2):
    """Start the processes as torchrun does, and wait for them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.train.together", str(folder)],
            cwd=ROOT,
            env=os.environ | {n: str(v) for n, v in world.items()} | {"RANK": str(rank)},
        )
        for rank in range(size)
    ]
    ends = [process.poll() for process in processes]
    begun = time.monotonic()
    while None in ends and not any(ends) and time.monotonic() < begun + 120:
        time.sleep(0.05)
        ends = [process.poll() for process in processes]
    for process in processes:  # one that failed leaves the others waiting
        process.kill()
        process.wait()
    assert ends == [0] * size


if __name__ == "__main__":
    main(Path(sys.argv[1]))
