"""Find a task: a user's file, a rule of the rulebook, or one of the short chat tasks."""

import importlib.util
import sys
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any

from duotempo.core import UserError
from duotempo.tasks.rulebook import RuleTask
from duotempo.tasks.verifiable import Task

RULE = "rulebook:"


@dataclass(frozen=True)
class Found:
    """A task, the name its prompt is stored by, and a mark that changes with its source."""

    task: Task
    name: str
    mark: str


def find_task(name: str) -> Found:
    """The task of a name: `path/to/file.py`, `rulebook:jump+ends`, or a chat task.

    A file is run: it is your code. It holds one class with a `seed_prompt`, `problems` and `score`,
    or an object `task` that has them. Raises `UserError` for a name or a file that is none.
    """
    if name.endswith(".py"):
        path = Path(name).expanduser()
        return Found(_of_file(path), path.stem, sha256(path.read_bytes()).hexdigest()[:16])
    if name.startswith(RULE):
        rule = RuleTask(name.removeprefix(RULE))
        return Found(rule, name, repr(rule))
    from duotempo.tasks.chat_tasks import CHAT_TASKS  # noqa: PLC0415 - only for their names

    if name not in CHAT_TASKS:
        raise UserError(
            f"task {name!r} is unknown: give path/to/task.py, {RULE}RULE (like {RULE}jump+ends) "
            f"or one of {', '.join(CHAT_TASKS)}"
        )
    return Found(CHAT_TASKS[name], name, repr(CHAT_TASKS[name]))


def _of_file(path: Path) -> Task:
    module = _loaded(path)
    if hasattr(module, "task"):
        return _checked(module.task, f"`task` in {path}")
    named = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and _looks_like(value)
    ]
    if len(named) != 1:
        what = "no class" if not named else f"{len(named)} classes"
        raise UserError(
            f"{path} has {what} with seed_prompt, problems and score: leave one, or name the "
            "object to use `task`"
        )
    try:
        made = named[0]()
    except Exception as error:
        raise UserError(
            f"{path}: {named[0].__name__}() failed ({type(error).__name__}: {error}): let it be "
            "made without arguments, or make an object `task`"
        ) from error
    return _checked(made, f"{named[0].__name__} in {path}")


def _loaded(path: Path) -> ModuleType:
    """The module of a file, run."""
    if not path.is_file():
        raise UserError(f"there is no file {path}: give the path of a task's file")
    spec = importlib.util.spec_from_file_location(f"duotempo_task_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except SyntaxError as error:
        raise UserError(f"{path}, line {error.lineno}: {error.msg}: mend the file") from error
    except Exception as error:
        raise UserError(
            f"{path} cannot be run ({type(error).__name__}: {error}): mend the file"
        ) from error
    return module


def _looks_like(value: Any) -> bool:
    """Whether a class says that it is a task."""
    return all(callable(getattr(value, name, None)) for name in ("problems", "score"))


def _checked(made: Any, what: str) -> Task:
    """The object, if it is a task."""
    for name in ("problems", "score"):
        if not callable(getattr(made, name, None)):
            raise UserError(f"{what} has no method {name}: a task has problems and score")
    if not isinstance(getattr(made, "seed_prompt", None), str):
        raise UserError(f"{what} has no text `seed_prompt`: give it the prompt to begin with")
    more = getattr(made, "seed_prompts", ())
    if isinstance(more, str) or not all(isinstance(each, str) and each for each in more):
        raise UserError(f"`seed_prompts` of {what} are no list of texts: put them in brackets")
    return made
