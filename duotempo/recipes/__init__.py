"""Recipes: complete runs as functions; here they are found by name, without loading torch.

A recipe is a public function `-> Run` in a file of this folder that can be called without
arguments; its first line of text says what it makes. `needle:passkey` is the function `passkey` in
`needle.py`.
"""

import ast
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from duotempo.core import UserError

FOLDER = Path(__file__).parent


def listing(folder: Path = FOLDER) -> dict[str, str]:
    """What each recipe makes, by name; read from the sources, nothing is run."""
    found = {}
    for path in sorted(folder.glob("[!_]*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and is_recipe(node):
                said = (ast.get_docstring(node) or "").partition("\n")[0]
                found[f"{path.stem}:{node.name}"] = said
    return found


def is_recipe(function: ast.FunctionDef) -> bool:
    """Whether a function is public, asks for nothing and says that it returns a Run."""
    returns, takes = function.returns, function.args
    public = not function.name.startswith("_")
    asks = len(takes.args) > len(takes.defaults) or None in takes.kw_defaults
    return public and not asks and isinstance(returns, ast.Name) and returns.id == "Run"


def find(name: str) -> Callable[..., Any]:
    """The recipe of a name: `module:function` of this room (also with `recipes.` before it), or
    `path/to/file.py:function`. Raises `UserError` when there is none."""
    place, colon, function = name.rpartition(":")
    if colon and place.endswith(".py"):
        module = load(Path(place))
    else:
        short = name.removeprefix("recipes.")
        if short not in listing():
            raise UserError(
                f"recipe {name!r} is unknown: use one of {', '.join(listing()) or '(none yet)'}, "
                "or path/to/file.py:function"
            )
        place, _, function = short.rpartition(":")
        module = importlib.import_module(f"duotempo.recipes.{place}")
    recipe = vars(module).get(function)
    if not callable(recipe):
        raise UserError(f"{place} has no function {function!r}: name one that returns a Run")
    return recipe


def load(path: Path) -> ModuleType:
    """The module in a file of someone's own."""
    if not path.is_file():
        raise UserError(f"there is no file {path}: give the path of a file with a recipe in it")
    name = f"duotempo_recipe_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look for their module there
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        raise UserError(f"{path} cannot be loaded ({error}): mend it and try again") from error
    return module
