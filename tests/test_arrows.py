"""Import arrows run down only: from the syntax trees of all files, imports inside functions too."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (
    {"core"},
    {"rules", "tasks", "archive"},
    {"converse"},
    {"models"},
    {"train", "flow"},
    {"sleep", "adapt"},
    {"reader"},
    {"recipes"},
    {"study", "serve"},
    {"cli"},
)
FLOOR = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
NOT_KNOWN_TO = {"models": {"archive", "converse"}}
WITHOUT_TORCH = ("core", "archive", "converse")


def sources() -> dict[str, str]:
    """The package as {dotted module name: source}; a package's face goes by the package's name."""
    found = {}
    for path in sorted((ROOT / "duotempo").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts).removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


def imported(source: str) -> Iterator[tuple[str, str | None]]:
    """Every (module, name) that a source imports, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import hides its arrow"
            yield from ((str(node.module), alias.name) for alias in node.names)


def arrows(modules: Mapping[str, str]) -> set[tuple[str, str]]:
    """The (from, to) pairs of modules within the package."""
    found = set()
    for module, source in modules.items():
        for target, name in imported(source):
            inner = f"{target}.{name}"
            end = inner if inner in modules else target
            if end.split(".")[0] == "duotempo":
                found.add((module, end))
    return found


def room(module: str) -> str:
    """The room a module lives in; the package's own face is in none."""
    return [*module.split("."), ""][1]


def wrong_arrows(modules: Mapping[str, str]) -> list[str]:
    """Arrows that do not run down from one room to another."""
    wrong = []
    for start, end in sorted(arrows(modules)):
        high, low = room(start), room(end)
        if high == low or not low:
            continue
        upward = not high or FLOOR[low] >= FLOOR[high]
        if upward or low in NOT_KNOWN_TO.get(high, ()):
            wrong.append(f"{start} -> {end}")
    return wrong


def circle(modules: Mapping[str, str]) -> list[str]:
    """The modules of a circle of imports, or nothing."""
    below: dict[str, list[str]] = {}
    for start, end in sorted(arrows(modules)):
        below.setdefault(start, []).append(end)
    clear: set[str] = set()

    def walk(path: list[str]) -> list[str]:
        if path[-1] in path[:-1]:
            return path[path.index(path[-1]) :]
        for end in below.get(path[-1], ()) if path[-1] not in clear else ():
            if found := walk([*path, end]):
                return found
        clear.add(path[-1])
        return []

    return next((found for start in below if (found := walk([start]))), [])


def test_arrows_run_down_only():
    assert wrong_arrows(sources()) == []


def test_no_circle_between_modules():
    assert circle(sources()) == []


def test_every_room_has_a_floor():
    rooms = {p.name for p in (ROOT / "duotempo").iterdir() if (p / "__init__.py").exists()}
    assert rooms <= set(FLOOR)


def test_the_core_needs_the_standard_library_only():
    for module, source in sources().items():
        if room(module) == "core":
            tops = {target.split(".")[0] for target, _ in imported(source)}
            assert tops <= sys.stdlib_module_names | {"duotempo"}, module


@pytest.mark.parametrize("name", WITHOUT_TORCH)
def test_rooms_without_torch_load_without_torch(name):
    modules = [
        m for m in sources() if room(m) == name and ".migrations." not in m
    ]  # Alembic runs those
    lines = [f"import {module}" for module in modules] + ["import sys"]
    lines += ["assert 'torch' not in sys.modules, 'torch was loaded'"]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True, timeout=60)


FINE = {
    "duotempo": "",
    "duotempo.core": "from duotempo.core.loop import live",
    "duotempo.core.loop": "import math",
    "duotempo.tasks.text": "from duotempo.core import live",
    "duotempo.archive.log": "",
    "duotempo.models.body": "",
    "duotempo.reader": "from duotempo.tasks import text",
    "duotempo.cli.app": "from duotempo import __version__\nimport duotempo.reader",
}


def test_the_planted_package_is_fine():
    assert wrong_arrows(FINE) == []
    assert circle(FINE) == []
    assert len(arrows(FINE)) == 5


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("duotempo.core.loop", "import duotempo.tasks.text"),
        ("duotempo.core.loop", "def f():\n    from duotempo.reader import Reader"),
        (
            "duotempo.models.body",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import duotempo.reader",
        ),
        ("duotempo.tasks.text", "from duotempo.archive import log"),
        ("duotempo.archive.log", "from duotempo.tasks import text"),
        ("duotempo.models.body", "from duotempo.archive.log import Log"),
        ("duotempo", "from duotempo.reader import Reader"),
    ],
)
def test_a_planted_wrong_arrow_is_found(module, line):
    assert [w.split(" -> ")[0] for w in wrong_arrows({**FINE, module: line})] == [module]


def test_a_planted_circle_is_found():
    planted = {**FINE, "duotempo.core.loop": "def late():\n    from duotempo.core import live"}
    assert set(circle(planted)) == {"duotempo.core", "duotempo.core.loop"}
