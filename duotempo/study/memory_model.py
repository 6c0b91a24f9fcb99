"""The memory model that studies of conversations share: trained once, by seed 0."""

from pathlib import Path

from filelock import FileLock

from duotempo.converse.invented import Invented
from duotempo.core import Tell
from duotempo.reader.invented import small
from duotempo.recipes.sessions import STEPS, memory
from duotempo.tasks.sessions_rows import KINDS
from duotempo.train import train

TRAINED = Path("runs/memory-models")


def trained(tell: Tell, kinds: tuple[str, ...] = KINDS) -> Invented:
    """The model of the recipe, or a twin that learns some of its tasks, in as many batches each."""
    folder = TRAINED / "-".join(kinds)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        run = memory(STEPS * len(kinds) // len(KINDS), kinds)
        return small(train(run, folder, tell=tell).model)
