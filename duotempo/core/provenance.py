"""Where numbers come from: the machine, the versions, the commit."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import duotempo

PACKAGES = ("numpy", "torch", "transformers")


def machine() -> dict[str, str | int | float]:
    """What the numbers were measured on: no host name, no path. Memory in GiB."""
    found: dict[str, str | int | float] = {
        "cpu": _cpu(),
        "cores": os.cpu_count() or 1,
        "memory_gib": _memory_gib(),
        "system": platform.system(),
        "python": platform.python_version(),
    }
    return found | {name: _version(name) for name in PACKAGES}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):  # not told by this system
        return 0.0


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """The commit of the code that runs, "+changes" behind it when files differ from that commit;
    outside a checkout the version of the package."""
    room = Path(duotempo.__file__).parent
    try:
        head = _git(room, "rev-parse", "--short=12", "HEAD").strip()
        changed = _git(room, "status", "--porcelain", "--", ".").strip()
    except (FileNotFoundError, subprocess.CalledProcessError):
        return f"version {duotempo.__version__}"
    return head + ("+changes" if changed else "")


def _git(folder: Path, *words: str) -> str:
    run = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout
