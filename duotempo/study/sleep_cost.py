"""What sleep costs: a token after waking, a window asleep, the memory that training takes."""

import gc
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from duotempo.core import Tell
from duotempo.models.config import Config, MemoryConfig
from duotempo.sleep.policy import Policy
from duotempo.sleep.recurrent import Sleeper, SleeperConfig
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.stats import by_seed, claim, curve, there
from duotempo.study.titans_alone import memory

PASSES = (1, 2, 3, 4, 6)
TIME, MEMORY = "time", "training memory"
METRICS = {
    "wake": "milliseconds of a token after waking; x: passes of the sleep before",
    "sleep": "milliseconds of the sleep on one window, the reading not counted; x: passes",
    "read": "milliseconds of reading one window",
    "growth": "MiB that forward and backward take, passes computed again; x: passes",
    "growth.plain": "the same with all activations kept",
}


@dataclass(frozen=True)
class SleepCost:
    """One hybrid of attention and gated delta blocks; passes take turns. A seed is a repeat. Run it
    alone: --workers 1."""

    width: int = 256
    window: int = 256
    windows: int = 4
    tokens: int = 60
    repeats: int = 5
    name: str = "sleep-cost"
    question: str = "What does sleep cost: awake, asleep, in training?"

    @property
    def metrics(self) -> Mapping[str, str]:
        """Milliseconds and MiB by passes."""
        return METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        """Times, and memory in processes of its own."""
        many, few = (1, 1) if size == "smoke" else (self.repeats, 2)
        return [Job(TIME, seed) for seed in range(many)] + [Job(MEMORY, s) for s in range(few)]

    def inputs(self, size: Size) -> Mapping[str, str]:
        """None: tokens are random."""
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        """One repeat."""
        small = SleepCost(width=16, window=16, windows=2, tokens=3) if size == "smoke" else self
        found = small.times(job.seed, tell) if job.arm == TIME else small.growths(job.seed, tell)
        return [Row(job.arm, job.seed, metric, x, value) for metric, x, value in found]

    def model(self, passes: int, *, checkpoint: bool = False) -> Sleeper:
        """Attention, gated delta, attention, gated delta."""
        rule = MemoryConfig(rule="gated-delta", heads=4, size=self.width // 4)
        config = Config(
            width=self.width, heads=4, window=self.window, ff=2 * self.width, persistent=0,
            layout=("attention", "lmm") * 2, memory=rule,
        )  # fmt: skip
        policy = Policy(self.window, passes, checkpoint=checkpoint)
        return SleeperConfig(config, policy).build()

    def times(self, seed: int, tell: Tell) -> list[tuple[str, float | None, float]]:
        """Milliseconds; tokens after different sleeps take turns, so that all share the weather."""
        torch.manual_seed(seed)
        model = self.model(1).eval()
        tokens = torch.randint(0, 256, (1, self.window))
        found: list[tuple[str, float | None, float]] = []
        with torch.no_grad():
            states, asleep, reading = {}, {n: [] for n in PASSES}, []
            for _ in range(5):
                begun = time.perf_counter()
                window = model.read(tokens)
                reading.append(time.perf_counter() - begun)
                for n in PASSES:
                    begun = time.perf_counter()
                    states[n] = model.slept(window, n)
                    asleep[n].append(time.perf_counter() - begun)
            found.append(("read", None, 1000 * sorted(reading)[2]))
            found += [("sleep", float(n), 1000 * sorted(t)[2]) for n, t in asleep.items()]
            took: dict[int, list[float]] = {n: [] for n in PASSES}
            for i in range(self.tokens):
                tell("tokens after waking", i, self.tokens)
                turns = [PASSES[(i + j) % len(PASSES)] for j in range(len(PASSES))]
                for n in turns:
                    begun = time.perf_counter()
                    _, states[n] = model(tokens[:, i : i + 1], states[n])
                    took[n].append(time.perf_counter() - begun)
        found += [("wake", float(n), 1000 * sorted(t)[len(t) // 2]) for n, t in took.items()]
        return found

    def growths(self, seed: int, tell: Tell) -> list[tuple[str, float | None, float]]:
        """MiB, each in another process: the peak of a process never falls."""
        found: list[tuple[str, float | None, float]] = []
        for metric in ("growth", "growth.plain"):
            for n in PASSES:
                tell(metric, n, PASSES[-1])
                grown = alone(self, n, metric == "growth", seed)
                found.append((metric, float(n), grown))
        return found

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        """Latency, linearity, memory."""

        def ratio(arm: str, metric: str, a: int, b: int) -> list[float]:
            high, low = (by_seed(rows, arm, metric, float(n)) for n in (a, b))
            return [high[s] / low[s] for s in high if s in low]

        wake = [abs(r - 1) for r in ratio(TIME, "wake", 4, 1)]
        linear = [r / (5 / 3) - 1 for r in ratio(TIME, "sleep", 6, 4)]
        small, plain = (
            by_seed(rows, MEMORY, "growth", 4.0),
            by_seed(rows, MEMORY, "growth.plain", 1.0),
        )
        again = [small[seed] / plain[seed] for seed in small if seed in plain]
        wanted = (
            ("a token after waking: N=4 from N=1, share", wake, "<= 0.03"),
            ("sleep: N=6 over N=4, over 5/3, minus 1", linear, "<= 0.1"),
            (
                "training memory, N=4 with passes computed again over N=1 with all kept",
                again,
                "<= 1.3",
            ),
            (
                "training memory, N=4 over N=1, passes computed again in both",
                ratio(MEMORY, "growth", 4, 1),
                "<= 1.3",
            ),
        )
        return [claim(text, values, target) for text, values, target in wanted if values]

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        """Milliseconds, MiB."""
        sleep = Figure(
            "Sleep costs by the pass; a token after it as much after six as after one",
            "passes",
            "milliseconds",
            there(
                (
                    curve(rows, TIME, "sleep", name="sleep on one window"),
                    curve(rows, TIME, "wake", name="a token after waking"),
                )
            ),
        )
        grown = Figure(
            "Training memory by passes",
            "passes",
            "MiB of forward and backward",
            there(
                (
                    curve(rows, MEMORY, "growth", name="passes computed again"),
                    curve(rows, MEMORY, "growth.plain", name="all kept", style="dashed"),
                )
            ),
        )
        return [sleep, grown]


def alone(study: SleepCost, passes: int, checkpoint: bool, seed: int) -> float:
    """What another Python with one thread says about `grown`."""
    words = (study.width, study.window, study.windows, passes, int(checkpoint), seed)
    command = [sys.executable, "-m", "duotempo.study.sleep_cost", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.strip()[-500:]}")
    return float(json.loads(done.stdout))


def grown(study: SleepCost, passes: int, *, checkpoint: bool, seed: int) -> float:
    """MiB that one training step takes above what the model itself holds."""
    torch.manual_seed(seed)
    model = study.model(passes, checkpoint=checkpoint).train()
    tokens = torch.randint(0, 256, (8, study.windows * study.window))
    gc.collect()
    before = memory("VmRSS")
    model(tokens)[0][:, -study.window :].logsumexp(-1).mean().backward()
    return memory("VmHWM") - before


if __name__ == "__main__":
    torch.set_num_threads(1)
    _width, _window, _windows, _passes, _checkpoint, _seed = map(int, sys.argv[1:])
    _study = SleepCost(width=_width, window=_window, windows=_windows)
    sys.stdout.write(json.dumps(grown(_study, _passes, checkpoint=bool(_checkpoint), seed=_seed)))
