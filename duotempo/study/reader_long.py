"""Does memory stay flat over a long stream, and does replay keep what was read first?"""

import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Int
from torch import Tensor

from duotempo.core import Event, FixedShare, HeldOut, Tell, live
from duotempo.models.body import Body
from duotempo.reader.session import Awake, Eviction, MixedLoss, Sleeper, Window
from duotempo.sleep.lessons import Lessons
from duotempo.sleep.passes import FastState, Passes, state_bytes
from duotempo.sleep.weights import Weights
from duotempo.study import probes
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.documents import FIRST_REPORTED, inputs, long_text
from duotempo.study.model import MODEL, body, model
from duotempo.study.stats import by_seed, claim, curve, exact_claim

REPLAY = {"replay": 0.5, "no replay": 0.0}  # replayed lessons for each new one
EVERY, WINDOW, PASSES = 2048, 512, 2  # tokens between sleeps, window, passes a sleep
VOICES = ("none", "alone", "mixed")


@dataclass(frozen=True)
class ReaderLong:
    """Arms: streaming sleep with and without replay; x: tokens read."""

    name: str = "reader-long"
    question: str = "Is memory flat over 64K tokens, and does replay keep what was read first?"

    @property
    def metrics(self) -> Mapping[str, str]:
        return {
            "peak": "peak memory of the process so far, MiB",
            **{f"first.{v}": f"first 512 tokens without context, {v}, bits/token" for v in VOICES},
            **{f"late.{v}": f"last 512 tokens slept on, {v}, bits/token" for v in VOICES},
            "state": "bytes of fast state",
            "cache": "bytes of keys and values that full context would hold",
            "text": "bytes of the raw text read",
            "seconds": "seconds since the first token",
        }

    def jobs(self, size: Size) -> Sequence[Job]:
        if size == "smoke":
            return [Job("replay", 0)]
        return [Job(arm, FIRST_REPORTED) for arm in REPLAY]

    def inputs(self, size: Size) -> Mapping[str, str]:
        return inputs(size == "full") | {f"model {MODEL}": model().fingerprint}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        total, step = (2 * EVERY, EVERY) if size == "smoke" else (65536, 8192)
        return Stream(job, total, step, tell).rows()

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        ends = sorted({row.x for row in rows if row.metric == "peak" and row.x})
        found = []
        if len(ends) > 1:
            growth = max(
                by_seed(rows, arm, "peak", ends[-1])[s] / value
                for arm in REPLAY
                for s, value in by_seed(rows, arm, "peak", ends[0]).items()
            )
            text = f"peak memory after {ends[-1]:g} tokens over that after {ends[0]:g}, worst"
            found.append(exact_claim(text, growth, "<= 1.05"))
        return found + self._kept(rows, ends[-1]) + self._bytes(rows, ends)

    def _kept(self, rows: Sequence[Row], end: float) -> list[Claim]:
        def won(arm: str) -> dict[int, float]:
            none, mixed = (by_seed(rows, arm, f"first.{v}", end) for v in ("none", "mixed"))
            return {seed: none[seed] - mixed[seed] for seed in mixed}

        gains = {arm: won(arm) for arm in REPLAY}
        both = gains["replay"].keys() & gains["no replay"].keys()
        difference = [gains["replay"][s] - gains["no replay"][s] for s in sorted(both)]
        found = [
            claim(
                f"{arm}: the first window after {end:g} tokens, gain over no memory (bits/token)",
                list(gain.values()),
                "> 0",
            )
            for arm, gain in gains.items()
        ]
        return [*found, claim("what replay adds to that (bits/token)", difference, "> 0")]

    def _bytes(self, rows: Sequence[Row], ends: Sequence[float]) -> list[Claim]:
        end = 8192.0 if 8192.0 in ends else ends[0]
        state, cache, text = (
            list(by_seed(rows, "replay", name, end).values()) for name in ("state", "cache", "text")
        )
        return [
            claim(
                f"fast state over the KV cache at {end:g} tokens",
                list(zip(state, cache, strict=True)),
                "<= 0.05",
                _ratio,
            ),
            claim(
                f"fast state over the raw text at {end:g} tokens: the text is smaller",
                list(zip(state, text, strict=True)),
                "> 1",
                _ratio,
            ),
        ]

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        memory = Figure(
            title="Peak memory does not grow with what was read",
            x_label="tokens read",
            y_label="peak memory of the process (MiB)",
            series=tuple(curve(rows, arm, "peak") for arm in REPLAY),
            caption="Mean over texts. Model, fast state, optimiser and lessons together.",
        )
        first = Figure(
            title="What was read first fades as more is read; replay slows it",
            x_label="tokens read",
            y_label="loss on the first window, state mixed in (bits/token)",
            series=(
                *(curve(rows, arm, "first.mixed") for arm in REPLAY),
                curve(rows, "replay", "first.none", name="no memory", style="dashed"),
            ),
            caption=f"Sleep every {EVERY} tokens, {PASSES} passes, guard in remember mode.",
        )
        return [memory, first]


def _ratio(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(a for a, _ in pairs) / sum(b for _, b in pairs)


@dataclass
class Stream:
    """One long text read with sleeps on the way, probed at every `step` tokens."""

    job: Job
    total: int
    step: int
    tell: Tell

    def rows(self) -> list[Row]:
        whole, share = body(0.5), FixedShare()
        self.tokens, self.words = long_text(self.job.seed, self.total, model().tokenizer)
        judge = MixedLoss(whole, share)
        replay = REPLAY[self.job.arm]
        sleeper = Sleeper(
            whole,
            Weights(),
            Lessons(window=WINDOW),
            Passes(most=PASSES, replay=replay, seed=self.job.seed),
            judge,
        )
        life = live(
            (Event(piece, len(piece)) for piece in self.tokens.split(WINDOW)),
            None,
            channel=Window(WINDOW, 256, seed=self.job.seed),
            boundary=Eviction(EVERY),
            sleep=sleeper,
            guard=HeldOut(judge, "remember"),
        )
        return [row for found in self._probed(whole, share, life) for row in found]

    def _probed(
        self, whole: Body, share: FixedShare, life: Iterator[tuple[Event, Awake, FastState | None]]
    ) -> Iterator[list[Row]]:
        for _, awake, memory in life:
            self.tell("reading", awake.read, self.total)
            if awake.read % self.step == 0:
                yield self._at(whole, share, awake, memory)

    def _at(
        self, whole: Body, share: FixedShare, awake: Awake, memory: FastState | None
    ) -> list[Row]:
        numbers: dict[str, float] = {
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            "state": state_bytes(memory),
            "cache": awake.read * cache_bytes(whole),
            "text": len(self.words(awake.read).encode()),
        }
        places = {"first": 0, "late": max(0, awake.slept - WINDOW)}
        for name, start in places.items():
            numbers |= self._recalled(
                whole, share, self.tokens[start : start + WINDOW], memory, name
            )
        return [Row(self.job.arm, self.job.seed, m, awake.read, v) for m, v in numbers.items()]

    def _recalled(
        self,
        whole: Body,
        share: FixedShare,
        tokens: Int[Tensor, " time"],
        memory: FastState | None,
        name: str,
    ) -> dict[str, float]:
        pieces = probes.scored(whole, torch.stack(tokens.split(probes.PASSAGE)), probes.HEAD)
        slow = pieces.losses(whole, None)
        fast = pieces.losses(whole, memory) if memory else slow
        return {
            f"{name}.none": probes.mean_bits(slow),
            f"{name}.alone": probes.mean_bits(fast),
            f"{name}.mixed": probes.mixed_bits(fast, slow, share),
        }


def cache_bytes(whole: Body) -> int:
    """Bytes of keys and values that one token takes in every layer, as the model computes them."""
    config = model().model.config
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    width = 2 * config.num_key_value_heads * head * config.num_hidden_layers
    return width * model().model.dtype.itemsize
