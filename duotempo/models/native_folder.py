"""Which folder a native model lies in: told by its config.json, without loading anything."""

import json
from contextlib import suppress
from pathlib import Path

MODEL_TYPE = "duotempo"
IN_A_RUN = "model"  # the folder that `duotempo train` puts the model in
NEEDLE = "needle"
PACKAGED = Path(__file__).parent / "trained" / NEEDLE
"""A model of the recipe needle:needle, seed 100: it finds facts again after millions of bytes."""
LONGEST = 1 << 20  # bytes of a config that are looked at


def native_folder(name: str | Path) -> Path | None:
    """The folder of the native model that a name leads to: `needle` is the one that comes with the
    package, else the folder itself or `model` in the folder of a run; None if it leads to none."""
    if str(name) == NEEDLE:
        return PACKAGED
    with suppress(RuntimeError):  # a home that nobody has
        name = Path(name).expanduser()
        return next((place for place in (name, name / IN_A_RUN) if _is_native(place)), None)
    return None


def _is_native(folder: Path) -> bool:
    with suppress(OSError, ValueError, RecursionError):
        with (folder / "config.json").open("rb") as file:
            facts = json.loads(file.read(LONGEST))
        return isinstance(facts, dict) and facts.get("model_type") == MODEL_TYPE
    return False
