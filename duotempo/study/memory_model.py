"""The memory models that studies of conversations share: each trained once, by seed 0."""

from pathlib import Path

from filelock import FileLock

from duotempo.converse.invented import Invented
from duotempo.core import Tell
from duotempo.models.saved import load_model, save_model
from duotempo.reader.invented import small
from duotempo.recipes.sessions import STEPS, memory
from duotempo.tasks.sessions_pairs import contradicted
from duotempo.tasks.sessions_rows import KINDS
from duotempo.train import train
from duotempo.train.preference import Pairs, Preferring, prefer

TRAINED = Path("runs/memory-models")
PREFERRING = Preferring(steps=200, rate=5e-5)


def trained(tell: Tell, kinds: tuple[str, ...] = KINDS) -> Invented:
    """The model of the recipe, or a twin that learns some of its tasks, in as many batches each."""
    folder = TRAINED / "-".join(kinds)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        run = memory(STEPS * len(kinds) // len(KINDS), kinds)
        return small(train(run, folder, tell=tell).model)


def preferring(tell: Tell, kinds: tuple[str, ...] = KINDS) -> Invented:
    """The same after preferences over replies; the training is the reference."""
    trained(tell, kinds)
    folder = TRAINED / f"{'-'.join(kinds)}-preferring"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            begun = load_model(TRAINED / "-".join(kinds) / "model")
            learned, _ = prefer(begun, lambda n: Pairs(*contradicted(0, n)), PREFERRING, tell=tell)
            save_model(folder, learned)
    return small(folder)


def separate(tell: Tell, preferred: bool = False) -> Invented:
    """Three models, each of one task, as if they were one: a prompt begins with its task's name."""
    speakers = {kind: trained(tell, (kind,)).speak for kind in KINDS}
    if preferred:
        speakers["reply"] = preferring(tell, ("reply",)).speak
    return Invented(lambda prompt: speakers[prompt.split(None, 1)[0]](prompt))
