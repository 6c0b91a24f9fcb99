"""Two processes train a model that draws its passes: each step both must make equally many."""

import os
import socket
import sys
from dataclasses import replace
from pathlib import Path

import torch
import torch.distributed as dist

from duotempo.recipes.sleep import SMALL, arm_run
from duotempo.train import train

RUN = arm_run("N sampled", replace(SMALL, rows=4), steps=5)


def main(folder: Path) -> None:
    """Fork two processes, each told its place as torchrun tells it."""
    torch.set_num_threads(1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world = {"WORLD_SIZE": 2, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    for rank in range(2):
        if os.fork() == 0:
            os.environ |= {name: str(value) for name, value in {**world, "RANK": rank}.items()}
            dist.init_process_group("gloo")
            train(RUN, folder)
            dist.destroy_process_group()
            sys.exit()
    for _ in range(2):
        if os.wait()[1]:
            sys.exit("a process failed")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
