"""What a stranger can do to a saved state, and what must be true of it then."""

import hashlib
import json
import math
import shutil
from pathlib import Path

import pytest

from duotempo.core import UserError
from duotempo.reader import Reader
from duotempo.reader.files import NAMES


def copy(saved: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy for each example of a property."""
    return Path(shutil.copytree(saved, tmp_path_factory.mktemp("copy") / "s"))


def file_of(folder: Path, part: str) -> Path:
    """The tensors or the archive of a state."""
    (path,) = (p for p in folder.iterdir() if NAMES[part].fullmatch(p.name))
    return path


def seal(folder: Path, part: str, path: Path) -> None:
    """Name a changed file by its hash, in the folder and in its JSON, as its maker could."""
    pointer = folder / "state.json"
    facts = json.loads(pointer.read_text())
    stem, ending = {"tensors": ("fast", ".safetensors"), "archive": ("archive", ".sqlite")}[part]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    facts["files"][part] = path.rename(folder / f"{stem}-{digest}{ending}").name
    pointer.write_text(json.dumps(facts))


def lives_or_is_refused(folder: Path) -> bool:
    """Load; what loads must also speak, answer, score, sleep and save, or say why not."""
    try:
        with Reader.load(folder) as reader:
            reader.ask("Who has a dog?")
            assert math.isfinite(reader.score("It rained again.").mixed)
            reader.generate("Then", tokens=2)
            reader.read("And on it goes. " * 9, name="after")
            reader.sleep(1)
            reader.summary()
            reader.save(folder.parent / "again")
    except UserError as error:
        return one_sentence(str(error))
    return True


def one_sentence(said: str) -> bool:
    """Whether an error is fit for a person."""
    return "\n" not in said and len(said) < 1000
