"""How fast are the neural memories: beside titans-pytorch, the machine's limit and a KV cache?"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from duotempo.core import Tell
from duotempo.study import titans_speed_claims
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.titans_alone import WORK, alone
from duotempo.study.titans_decoding import CACHE, DECODED, decoding
from duotempo.study.titans_speed_claims import MATMUL, METRICS, SETTINGS, STREAM, setting
from duotempo.study.titans_systems import (
    OURS,
    PEER,
    Sizes,
    chunk_work,
    limit,
    need_peer,
    seconds,
    settings,
)

EARLY = 10_000
LONGEST_CACHE = 65_536


@dataclass(frozen=True)
class TitansSpeed:
    """Layers in turns in one process; decoding by position; growth and a long stream, each in a
    process of its own. A seed is a repeat. Run it alone: --workers 1 --threads 2."""

    width: int = 256
    chunk: int = 64
    tokens: int = 4096
    lengths: tuple[int, ...] = (1024, 2048, 8192)
    positions: tuple[int, ...] = (4096, 16_384, LONGEST_CACHE, 2_000_000)
    stream: int = 2_000_000
    stream_width: int = 160
    repeats: int = 5
    name: str = "titans-speed"
    question: str = (
        "How fast are the neural memories: beside titans-pytorch, the machine's limit, a KV cache?"
    )

    @property
    def metrics(self) -> Mapping[str, str]:
        return METRICS

    @property
    def sizes(self) -> Sizes:
        """Of the memories."""
        return Sizes(self.width, self.chunk)

    def jobs(self, size: Size) -> Sequence[Job]:
        if size == "smoke":
            return [Job(arm, 0) for arm in ("fp32, 1 thread", "growth", "decoding", STREAM)]
        few = min(3, self.repeats)
        return [
            Job("growth", 0),
            *(Job(setting(*s), i) for i in range(self.repeats) for s in SETTINGS),
            *(Job(arm, i) for arm in ("decoding", "compile", STREAM) for i in range(few)),
        ]

    def inputs(self, size: Size) -> Mapping[str, str]:
        if size == "full":
            need_peer()  # before anything is measured
        return {}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        if size == "smoke":
            small = TitansSpeed(32, 16, 128, (), (64, 4096), 3 * 4096, 32, 1)
            return Bench(small, job, tell, peer=False).rows()
        return Bench(self, job, tell, peer=True).rows()

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        return titans_speed_claims.claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        return titans_speed_claims.figures(rows)


@dataclass(frozen=True)
class Bench:
    """One job of the study, at its sizes, with the peer or without."""

    study: TitansSpeed
    job: Job
    tell: Tell
    peer: bool

    def rows(self) -> list[Row]:
        found = {"growth": self._growth, "decoding": self._decoding, STREAM: self._stream}
        work = found.get(self.job.arm) or (
            self._compiled if self.job.arm == "compile" else self._layers
        )
        rows = []
        for arm, metric, x, value in work():
            self.tell(f"{arm}: {metric}", len(rows), 0)
            rows.append(Row(arm, self.job.seed, metric, float(x), float(value)))
        return rows

    def _systems(self) -> list[str]:
        return [*OURS, PEER] if self.peer else [*OURS]

    def _layers(self) -> Iterator[tuple[str, str, float, float]]:
        """Every layer in turns, each once to warm up; more lengths in the first setting."""
        precision, threads = next(s for s in SETTINGS if setting(*s) == self.job.arm)
        first, study = (precision, threads) == SETTINGS[0], self.study
        layers = {name: study.sizes.layer(name) for name in self._systems()}
        tag = f"{precision} {threads}"
        with settings(precision, threads):
            rate = limit(study.tokens, study.sizes)
            yield MATMUL, f"limit {tag}", study.tokens, rate / 1e9
            for tokens in (study.tokens, *(study.lengths if first else ())):
                x = torch.randn(1, tokens, study.width)
                for what in WORK if tokens == study.tokens else ("forward",):
                    for name, layer in layers.items():
                        WORK[what](layer, x)
                        speed = tokens / seconds(lambda: WORK[what](layer, x))  # noqa: B023
                        yield name, f"{what} {tag}", tokens, speed
                        if name != PEER:
                            times = 1 if what == "forward" else 3
                            share = speed * times * study.sizes.flops(name) / rate
                            yield name, f"share {what} {tag}", tokens, share
                        gc.collect()

    def _growth(self) -> Iterator[tuple[str, str, float, float]]:
        """Peak memory over a call, in processes of their own."""
        study = self.study
        for name in self._systems():
            for what in WORK:
                words = ("growth", name, what, study.width, study.chunk, study.tokens)
                yield name, f"growth {what}", study.tokens, alone(*words)["growth"]

    def _decoding(self) -> Iterator[tuple[str, str, float, float]]:
        """One thread, batch one; the peer at the first position alone, since it must read."""
        places = {CACHE: [p for p in self.study.positions if p <= LONGEST_CACHE]}
        places[PEER] = [*self.study.positions[:1]] if self.peer else []
        with settings("fp32", 1):
            for name in DECODED:
                for position in places.get(name, self.study.positions):
                    held = decoding(name, self.study.sizes, position)
                    count = 8 if name == PEER else 2 * self.study.chunk
                    yield name, "decode", position, held.milliseconds(count)
                    yield name, "held", position, held.bytes
                    del held
                    gc.collect()

    def _compiled(self) -> Iterator[tuple[str, str, float, float]]:
        """The scan of one chunk, as it is and through torch.compile."""
        chunk = self.study.chunk
        with settings("fp32", 1):
            for name in OURS:
                rule = self.study.sizes.memory(name).build_rule()
                work = chunk_work(rule)
                for metric, scan in (("eager", rule.scan), ("compiled", torch.compile(rule.scan))):
                    once = seconds(lambda: work(scan))  # noqa: B023
                    yield name, f"first {metric}", chunk, once
                    best = min(seconds(lambda: work(scan)) for _ in range(20))  # noqa: B023
                    yield name, metric, chunk, chunk / best

    def _stream(self) -> Iterator[tuple[str, str, float, float]]:
        """A small model over a long stream, in a process of its own."""
        study = self.study
        early = min(EARLY, study.stream // 3)
        words = ("stream", study.stream_width, study.stream, early, self.job.seed)
        for metric, value in alone(*words).items():
            yield STREAM, f"stream {metric}", study.stream, value
