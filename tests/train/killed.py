"""Trains in processes that are killed: argv is a folder and the moments to be killed at."""

import os
import signal
import sys
from pathlib import Path

import torch

from duotempo.train import train
from tests.train.tiny import a_run


def die(*_):
    """Kill -9 to this process: nothing is tidied up, nothing is flushed."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_step(step):
    """Training that is killed right after a step."""
    return {"tell": lambda what, done, total: die() if done == step else None}


def die_at_call(number):
    """Training that is killed at its nth settling or moving of a file: while it saves."""
    calls = 0

    def counted(real):
        def call(*words):
            nonlocal calls
            calls += 1
            return die() if calls == number else real(*words)

        return call

    os.fsync, os.replace = counted(os.fsync), counted(os.replace)
    return {}


def main(folder, moments):
    """Fork a training for each moment, such as step-3 or call-5, and see it killed."""
    torch.set_num_threads(1)
    plans = {"step": die_at_step, "call": die_at_call}
    for moment in moments:
        kind, number = moment.split("-")
        child = os.fork()
        if child == 0:
            try:
                train(a_run(), Path(folder) / moment, save_every=2, **plans[kind](int(number)))
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status), f"{moment}: was not killed"
        assert os.WTERMSIG(status) == signal.SIGKILL


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
