"""The memory models that studies of conversations share: each trained once, by seed 0."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

from filelock import FileLock

from duotempo.converse.invented import AtOnce, Invented
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
MORE = replace(PREFERRING, contrast=False)
"""The control: as many steps on the same right replies, without the wrong ones."""


def trained(tell: Tell, kinds: tuple[str, ...] = KINDS) -> Invented:
    """The model of the recipe, or a twin that learns some of its tasks, in as many batches each."""
    folder = TRAINED / "-".join(kinds)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        return small(train(memory(STEPS, kinds), folder, tell=tell).model)


def preferring(
    tell: Tell, kinds: tuple[str, ...] = KINDS, how: Preferring = PREFERRING
) -> Invented:
    """The same after preferences over replies; the training is the reference."""
    trained(tell, kinds)
    mark = sha256(f"{memory(STEPS, kinds).identity} {how}".encode()).hexdigest()[:8]
    folder = TRAINED / f"{'-'.join(kinds)}-{mark}"
    with FileLock(f"{folder}.lock"):
        if not folder.is_dir():
            begun = load_model(TRAINED / "-".join(kinds) / "model")
            learned, _ = prefer(begun, lambda n: Pairs(*contradicted(0, n)), how, tell=tell)
            save_model(folder, learned)
    return small(folder)


def separate(tell: Tell, preferred: bool = False) -> Invented:
    """Three models, each of one task, as if they were one."""
    speakers = {kind: trained(tell, (kind,)).speak for kind in KINDS}
    if preferred:
        speakers["reply"] = preferring(tell, ("reply",)).speak
    return Invented(Routed(speakers))


@dataclass(frozen=True)
class Routed:
    """Asks whoever does a task: a prompt begins with its name."""

    speakers: Mapping[str, Callable[[str], str]]

    def __call__(self, prompt: str) -> str:
        """What follows."""
        return self.speakers[task_of(prompt)](prompt)

    def all(self, prompts: Sequence[str]) -> list[str]:
        """What follows each, those of a task at once."""
        for kind, speaker in self.speakers.items():
            if isinstance(speaker, AtOnce):
                speaker.all([prompt for prompt in prompts if task_of(prompt) == kind])
        return [self(prompt) for prompt in prompts]


def task_of(prompt: str) -> str:
    """The task that a prompt asks for."""
    return prompt.split(None, 1)[0]
