"""What reading, sleeping, guarding and mixed decoding cost, beside the machine's own limit."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch

from duotempo.core import FixedShare, Tell
from duotempo.models.body import Body, find_layers
from duotempo.reader.session import MixedLoss
from duotempo.reader.speak import speak
from duotempo.sleep.latents import Latents
from duotempo.sleep.lessons import Lessons, lesson
from duotempo.sleep.passes import FastState, Passes, Start
from duotempo.sleep.weights import Weights
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.documents import FIRST_REPORTED, document, inputs
from duotempo.study.model import MODEL, body, model
from duotempo.study.stats import by_seed, claim

WINDOW, SEGMENT, SPOKEN = 512, 256, 48
ARM = "smollm2"
COUNTED = (  # whose work is known
    "read",
    "teacher",
    "pass weights",
    "pass latents",
    "guard",
    "decode plain",
    "decode mixed weights",
    "decode mixed latents",
)


@dataclass(frozen=True)
class ReaderCost:
    """One arm; a seed is another document. Run it alone: --workers 1 --threads 2."""

    name: str = "reader-cost"
    question: str = "What do reading, sleeping, guarding and mixed decoding cost?"

    @property
    def metrics(self) -> Mapping[str, str]:
        return {
            "read": "trunk states of evicted text, tokens/s",
            "teacher": "the teacher's guesses, tokens learned/s",
            "pass weights": "one pass of sleep, fast weights, tokens/s",
            "pass latents": "one pass of sleep, fast latents, tokens/s",
            "guard": "judging one candidate on the window, tokens/s",
            "decode plain": "greedy decoding of the untouched model, tokens/s",
            "decode mixed weights": "greedy decoding of both voices, tokens/s",
            "decode mixed latents": "greedy decoding of both voices, tokens/s",
            "limit": "matrix products of 1024 x 1024 in the model's number format, GFLOP/s",
            **{f"share {name}": "share of that limit, attention left out" for name in COUNTED},
            "threads": "threads that torch used",
        }

    def jobs(self, size: Size) -> Sequence[Job]:
        return [Job(ARM, FIRST_REPORTED + i) for i in range(1 if size == "smoke" else 5)]

    def inputs(self, size: Size) -> Mapping[str, str]:
        return inputs(False) | {f"model {MODEL}": model().fingerprint}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        doc = document("diary", job.seed, model().tokenizer)
        tokens = doc.evicted(WINDOW)[: 2 * SEGMENT if size == "smoke" else 4 * SEGMENT]
        return Bench(job, body(0.5), tokens, doc.history[-WINDOW:], tell).rows()

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        def got(metric: str) -> list[float]:
            return list(by_seed(rows, ARM, metric).values())

        plain = got("decode plain")
        found = [
            claim(f"one pass of sleep, {kind} (tokens/s)", got(f"pass {kind}"), ">= 300")
            for kind in ("weights", "latents")
        ]
        for kind in ("weights", "latents"):
            pairs = list(zip(plain, got(f"decode mixed {kind}"), strict=True))
            text = f"mixed decoding, {kind}: seconds a token over plain decoding"
            found.append(claim(text, pairs, "<= 1.6", _slower))
        for name in ("read", "teacher", "guard", "decode plain"):
            found.append(claim(f"{name} (tokens/s)", got(name), "> 0"))
        for name in COUNTED:
            text = f"{name}, share of the limit of matrix products"
            found.append(claim(text, got(f"share {name}"), "> 0"))
        return found

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        return []


def _slower(pairs: Sequence[tuple[float, float]]) -> float:
    return sum(1 / mixed for _, mixed in pairs) / sum(1 / plain for plain, _ in pairs)


@dataclass
class Bench:
    """Every part timed in one process, after one round to warm up."""

    job: Job
    body: Body
    tokens: torch.Tensor
    window: torch.Tensor
    tell: Tell

    def rows(self) -> list[Row]:
        speeds = self._prepared() | self._judged() | self._spoken()
        limit = matmul_limit(model().model.dtype)
        work = flops(self.body, len(self.tokens) // SEGMENT)
        shares = {f"share {n}": speeds[n] * work[n] / limit for n in work}
        other = {"limit": limit / 1e9, "threads": float(torch.get_num_threads())}
        numbers = speeds | shares | other
        return [Row(self.job.arm, self.job.seed, m, None, v) for m, v in numbers.items()]

    def _rate(self, name: str, tokens: int, work: Callable[[], object]) -> dict[str, float]:
        self.tell(f"timing {name}", 0, 0)
        return {name: tokens / seconds(work)}

    @torch.no_grad()
    def _read(self) -> None:
        for piece in self.tokens.split(SEGMENT):
            self.body.trunk(piece[None])

    def _taught(self) -> None:
        for i, piece in enumerate(self.tokens.split(SEGMENT)):
            context = self.tokens[max(0, i - 1) * SEGMENT : i * SEGMENT]
            lesson(self.body, piece, context, Lessons().top)

    def _prepared(self) -> dict[str, float]:
        count = len(self.tokens)
        found = self._rate("read", count, self._read)
        both = seconds(self._taught)
        taught = both - count / found["read"]  # a lesson reads its segment too
        lessons = Lessons().make(self.body, self.tokens, self.tokens[:0])
        starts: tuple[Start, ...] = (Weights(), Latents())
        self.states: dict[str, FastState] = {}
        for start in starts:
            passes = Passes(most=2)
            begin = start.init(self.body, self.tokens, 0)
            offered = passes.candidates(self.body, begin, start.rate, lessons)
            next(offered)  # the first pass warms up
            begun = time.perf_counter()
            self.states[start.kind] = next(offered).value
            found[f"pass {start.kind}"] = count / (time.perf_counter() - begun)
        return found | {"teacher": count / taught}

    def _judged(self) -> dict[str, float]:
        judge = MixedLoss(self.body, FixedShare())
        evidence = judge.evidence(self.window)
        state = self.states["weights"]
        return self._rate("guard", len(self.window), lambda: judge(state, evidence))

    def _spoken(self) -> dict[str, float]:
        found = {}
        voices = {"decode plain": None} | {f"decode mixed {k}": s for k, s in self.states.items()}
        for name, state in voices.items():
            stream = speak(self.body, self.window, state)
            list(islice(stream, 8))  # the first token reads the context
            self.tell(f"timing {name}", 0, 0)
            begun = time.perf_counter()
            list(islice(stream, SPOKEN))
            found[name] = SPOKEN / (time.perf_counter() - begun)
        return found


def seconds(work: Callable[[], object]) -> float:
    """Wall time of the second call; the first one warms up."""
    work()
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def matmul_limit(dtype: torch.dtype, size: int = 1024, times: int = 40) -> float:
    """Floating-point operations a second of square matrix products."""
    a, b = torch.randn(2, size, size).to(dtype)

    def work() -> None:
        for _ in range(times):
            torch.mm(a, b)

    return times * 2 * size**3 / seconds(work)


def flops(whole: Body, segments: int) -> dict[str, float]:
    """Operations a token: two for each weight that is met, attention's own left out.

    A pass meets the upper layers and the head forward, and again backward for the inputs alone.
    """
    network = model().model
    _, stack = find_layers(network)
    layers = [sum(p.numel() for p in layer.parameters()) for layer in stack]
    lower, upper = sum(layers[: whole.lower]), sum(layers[whole.lower :])
    head = 0 if whole.head is None else whole.head.numel()
    context = 2 - 1 / segments  # the teacher reads a segment before each but the first
    return {
        "read": 2 * lower,
        "teacher": 2 * (context * (lower + upper) + head),
        "pass weights": 4 * (upper + head),
        "pass latents": 4 * (upper + head),
        "guard": 2 * (upper + head),
        "decode plain": 2 * (lower + upper + head),
        "decode mixed weights": 2 * (lower + 2 * (upper + head)),
        "decode mixed latents": 2 * (lower + 2 * (upper + head)),
    }
