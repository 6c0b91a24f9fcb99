"""Small runs on disk that tests share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from duotempo.adapt.cycle import Settings
from duotempo.adapt.run import Adapted, Look, adapt
from duotempo.adapt.task_file import Found
from tests.adapt.lives import EAGER, PLAN, SMALL, Lucky, world

FOUND = Found(Lucky(), "lucky", "mark")
LONG = replace(PLAN, cycles=3)


def going(folder: Path, **options: Any) -> Adapted:
    """A run of three cycles, or what is left of it."""
    search = replace(SMALL, first=6, proposals=4)
    settings = options.pop("settings", Settings(search, EAGER, "fst"))
    options = {"look": Look(problems=8)} | options
    here, plan = options.pop("world", None) or world(), options.pop("plan", LONG)
    return adapt(FOUND, here, plan, settings, folder, **options)
