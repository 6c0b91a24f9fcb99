"""The prompt of every task that a model was adapted to: put it back, and the task is back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from duotempo.core import UserError
from duotempo.core.files import write_text

FILE = "prompts.json"


@dataclass(frozen=True)
class Stored:
    """A task's prompt and its mean score on the test when it was stored."""

    prompt: str
    score: float


@dataclass(frozen=True)
class PromptStore:
    """Prompts by the name of their task."""

    prompts: Mapping[str, Stored] = field(default_factory=dict)

    def put(self, task: str, prompt: str, score: float) -> "PromptStore":
        """The store with one more, or another one, for a task."""
        return PromptStore({**self.prompts, task: Stored(prompt, score)})

    def save(self, folder: Path) -> None:
        """Write `prompts.json`, whole or not at all. Raises `UserError`."""
        plain = {name: asdict(stored) for name, stored in self.prompts.items()}
        write_text(folder / FILE, json.dumps(plain, indent=1, ensure_ascii=False) + "\n")

    @staticmethod
    def near(folder: Path) -> "PromptStore":
        """The store of a run, or of the run that a model's folder lies in; empty without one, and
        for a name that is no folder.

        Raises `UserError` for a file that is no store.
        """
        folder = folder.expanduser()
        for place in (folder, folder.parent) if folder.is_dir() else ():
            if (place / FILE).is_file():
                return PromptStore.load(place / FILE)
        return PromptStore()

    @staticmethod
    def load(path: Path) -> "PromptStore":
        """The store of a file."""
        try:
            plain = json.loads(path.read_text(encoding="utf-8"))
            return PromptStore(
                {
                    str(name): Stored(str(stored["prompt"]), float(stored["score"]))
                    for name, stored in plain.items()
                }
            )
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise UserError(
                f"{path} is no store of prompts ({type(error).__name__}): remove it to begin anew"
            ) from error
