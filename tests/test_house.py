"""House rules as laws over the tree: first lines, sizes, arguments; and what the tests rest on."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parent.parent
FOLDERS = ("duotempo", "tests", "examples", "benchmarks", "docs")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
LONGEST_FILE, LONGEST_FUNCTION, MOST_ARGUMENTS, LONGEST_EXAMPLE = 300, 60, 7, 60

each_file = pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a file, inner ones too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@each_file
def test_the_first_line_says_what_the_file_is_for(path):
    first = path.read_text(encoding="utf-8").split("\n", 1)[0]
    assert first.startswith('"""'), "the first line is a docstring"
    assert len(first.strip('"').split()) >= 3, "a docstring of at least three words"


@each_file
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@each_file
def test_functions_stay_short(path):
    long = {f.name: size for f in functions(path) if (size := length(f)) > LONGEST_FUNCTION}
    assert long == {}


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function from its name to its end."""
    return (function.end_lineno or 0) - function.lineno + 1


@each_file
def test_functions_take_at_most_seven_arguments(path):
    many = {}
    for f in functions(path):
        names = [a.arg for a in [*f.args.posonlyargs, *f.args.args, *f.args.kwonlyargs]]
        count = len([n for n in names if n not in ("self", "cls")])
        if count > MOST_ARGUMENTS:
            many[f.name] = count
    assert many == {}


def test_examples_fit_on_a_screen():
    sizes = {p.name: len(p.read_text().splitlines()) for p in (ROOT / "examples").glob("*.py")}
    assert sizes
    assert {name: size for name, size in sizes.items() if size >= LONGEST_EXAMPLE} == {}


def declared() -> dict[str, set[str]]:
    """Names of the packages that are asked for, by extra; those always asked for under ''."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {"": project["dependencies"], **project["optional-dependencies"]}
    return {
        extra: {re.split(r"[^\w-]", line)[0] for line in lines} for extra, lines in wanted.items()
    }


def third_parties(tree: ast.AST) -> set[str]:
    """Packages that a syntax tree imports, as the registry spells them."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(str(node.module).split(".")[0])
    return {name.replace("_", "-") for name in found - sys.stdlib_module_names - {"duotempo"}}


def test_what_is_imported_is_declared():
    """At the top of a file: always installed, or by the extra that the room is called after.
    Inside a function: at least by an extra."""
    packages = declared()
    users = set().union(*(packages[extra] for extra in packages if extra not in ("dev", "docs")))
    for path in sorted((ROOT / "duotempo").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert third_parties(tree) <= users, path
        tops = ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], [])
        room = path.relative_to(ROOT / "duotempo").parts[0]
        loaded_late = packages["serve"] if room == "serve" else set()
        assert third_parties(tops) <= packages[""] | loaded_late, path


def test_memory_that_nobody_wrote_is_nan():
    assert torch.empty(64).isnan().all()
    assert torch.empty_like(torch.zeros(64)).isnan().all()


def test_a_test_process_has_one_thread():
    assert torch.get_num_threads() == 1
