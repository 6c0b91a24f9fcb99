"""Counts and times of the server, as Prometheus reads them."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping
from threading import Lock

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds."""
HELP = {
    "requests_total": "Requests by route and status.",
    "request_seconds": "Seconds from a request to the end of its response, by route.",
    "model_seconds": "Seconds that the model took for a reply, the wait for it included.",
    "turns_total": "Turns that were kept, by role.",
    "sleeps_total": "Memories that were made, by outcome: accepted or refused.",
    "sleep_errors_total": "Sleeps that a failing model or database cut off.",
    "pending_sessions": "Sessions that are over and wait for a sleep.",
    "people": "People whose conversations are kept.",
}


class Tally:
    """What happened so far; threads may share it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._times: dict[tuple[str, str], list[float]] = defaultdict(
            lambda: [0.0] * (len(BOUNDS) + 2)
        )

    def count(self, name: str, many: int = 1, **labels: str) -> None:
        """Count something."""
        with self._lock:
            self._counts[name, _labels(labels)] += many

    def time(self, name: str, seconds: float, **labels: str) -> None:
        """Note how long something took."""
        with self._lock:
            held = self._times[name, _labels(labels)]
            held[bisect_left(BOUNDS, seconds)] += 1
            held[-1] += seconds

    def page(self, now: Mapping[str, int]) -> str:
        """All of it with some numbers of now, in Prometheus's text format 0.0.4."""
        with self._lock:
            counts, times = dict(self._counts), {k: list(v) for k, v in self._times.items()}
        lines = []
        for name, what in HELP.items():
            kind = "gauge" if name in now else "counter" if name.endswith("_total") else "histogram"
            lines += [f"# HELP duotempo_{name} {what}", f"# TYPE duotempo_{name} {kind}"]
            if name in now:
                lines.append(f"duotempo_{name} {now[name]}")
            for (of, labels), many in sorted(counts.items()):
                if of == name:
                    lines.append(f"duotempo_{name}{_braced(labels)} {many}")
            for (of, labels), held in sorted(times.items()):
                if of == name:
                    lines += _histogram(f"duotempo_{name}", labels, held)
        return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))


def _braced(labels: str) -> str:
    return f"{{{labels}}}" if labels else ""


def _histogram(name: str, labels: str, held: list[float]) -> list[str]:
    lines, below = [], 0
    for bound, many in zip((*map(str, BOUNDS), "+Inf"), held[:-1], strict=True):
        below += int(many)
        bounds = ",".join(filter(None, (labels, f'le="{bound}"')))
        lines.append(f"{name}_bucket{{{bounds}}} {below}")
    lines += [
        f"{name}_sum{_braced(labels)} {held[-1]:.6f}",
        f"{name}_count{_braced(labels)} {below}",
    ]
    return lines
