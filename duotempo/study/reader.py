"""Does sleep make evicted text usable, and does the guard keep it from hurting?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch

from duotempo.core import Candidate, FixedShare, HeldOut, Proposal, Tell
from duotempo.models.pretrained import fingerprint
from duotempo.sleep.latents import Latents
from duotempo.sleep.lessons import Lessons
from duotempo.sleep.passes import FastState, Passes, Start
from duotempo.sleep.weights import Weights
from duotempo.study import probes, reader_claims
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.documents import FIRST_REPORTED, KINDS, Document, document, inputs
from duotempo.study.lookup import ask_rows
from duotempo.study.model import MODEL, body, model

SHARES = (0.002, 0.005, 0.05, 0.1, 0.2)  # tried beside the default
SHOWN = (1, 2, 4, 8)  # passes at which everything is measured, with the guard's picks


@dataclass(frozen=True)
class Setting:
    """One way to sleep: where the fast state begins, lessons, passes, share of layers it is in."""

    start: Start = field(default_factory=Weights)
    lessons: Lessons = field(default_factory=Lessons)
    passes: Passes = field(default_factory=Passes)
    layers: float = 0.5


DEFAULT = Setting()
MAIN = {"weights": DEFAULT, "latents": replace(DEFAULT, start=Latents())}
ABLATIONS = {
    "no distillation": Setting(lessons=Lessons(top=0), passes=Passes(distill=0.0)),
    "all layers": Setting(layers=1.0),
    "rank 2": Setting(start=Weights(rank=2)),
    "rank 8": Setting(start=Weights(rank=8)),
    "rate 1e-3": Setting(start=Weights(rate=1e-3)),
    "window 256": Setting(lessons=Lessons(window=256)),
    "window 1024": Setting(lessons=Lessons(window=1024)),
}
ARMS = MAIN | ABLATIONS
CONTEXT = "full context"
FULL, FEW = 8, 3  # documents of each kind for the main arms, for the ablations


@dataclass(frozen=True)
class Reader:
    """Arms: two kinds of fast state, seven ablations, full context; seeds: documents."""

    name: str = "reader"
    question: str = "Does sleep make evicted text usable, and does the guard keep it from hurting?"

    @property
    def metrics(self) -> Mapping[str, str]:
        return reader_claims.METRICS

    def jobs(self, size: Size) -> Sequence[Job]:
        if size == "smoke":
            return [Job("weights diary", 0), Job("latents prose", 0), Job(f"{CONTEXT} diary", 0)]
        seeds = range(FIRST_REPORTED, FIRST_REPORTED + FULL)
        main = [Job(f"{a} {k}", s) for a in (*MAIN, CONTEXT) for k in KINDS for s in seeds]
        few = [Job(f"{a} {k}", s) for a in ABLATIONS for k in KINDS for s in seeds[:FEW]]
        return main + few

    def inputs(self, size: Size) -> Mapping[str, str]:
        return inputs() | {f"model {MODEL}": model().fingerprint}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        arm, kind = job.arm.rsplit(" ", 1)
        doc = document(kind, job.seed, model().tokenizer)
        doc = doc.shortened() if size == "smoke" else doc
        if arm == CONTEXT:
            return _context_rows(job, doc)
        setting = ARMS[arm]
        if size == "smoke":
            setting = replace(setting, passes=replace(setting.passes, most=2))
        return Sleep(job, setting, doc, tell).rows()

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        return reader_claims.claims(rows)

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        return reader_claims.figures(rows)


def _context_rows(job: Job, doc: Document) -> list[Row]:
    """What the untouched model does with everything in its context."""
    whole, window = body(0.5), DEFAULT.lessons.window
    found = probes.full_context(whole, doc, window)
    if doc.facts:
        tokenizer = model().tokenizer
        cues = {
            "cued": [(fact.verbatim.rstrip(), fact) for fact in doc.facts],
            "ask": [(probes.chat(tokenizer, fact, ()), fact) for fact in doc.facts],
        }
        for name, asked in cues.items():
            found[name] = probes.right_in_context(whole, tokenizer, doc.history, asked)
    return [Row(job.arm, job.seed, f"{name}.full", None, value) for name, value in found.items()]


@dataclass
class Sleep:
    """One document slept on: candidates by passes, the guard's picks, everything measured."""

    job: Job
    setting: Setting
    doc: Document
    tell: Tell

    def rows(self) -> list[Row]:
        self.arm, self.kind = self.job.arm.rsplit(" ", 1)
        self.body = body(self.setting.layers)
        self.share, self.before = FixedShare(), model().fingerprint
        window = self.setting.lessons.window
        self.texts = probes.texts(self.body, self.doc, window)
        self.slow = {name: text.losses(self.body, None) for name, text in self.texts.items()}
        rows = [self._row(f"{n}.none", 0, probes.mean_bits(v)) for n, v in self.slow.items()]
        states, trials = self._slept()
        rows += [self._row("window.mixed", n, loss) for n, loss in trials.items()]
        picks = {mode: self._pick(mode, trials) for mode in ("generate", "remember")}
        rows += [self._row(f"pick.{mode}", None, n) for mode, n in picks.items()]
        for n in sorted({*SHOWN, *picks.values()} & set(states)):
            rows += self._measured(n, states[n])
        rows += self._facts(0, None) if self.doc.facts else []
        if self.arm in MAIN and picks["generate"]:
            rows += self._swapped(picks["generate"], states[picks["generate"]])
        if self.arm == "weights" and self.doc.facts:
            memory = states.get(picks["generate"])
            rows += ask_rows(self.job, self.body, model().tokenizer, self.doc, memory)
        return [*rows, self._row("off.same", None, float(self._same()))]

    def _same(self) -> bool:
        """Slow weights, and losses without a state, are bit for bit what they were."""
        again = self.texts["next 1"].losses(self.body, None)
        return again == self.slow["next 1"] and fingerprint(model().model) == self.before

    def _row(self, metric: str, x: float | None, value: float) -> Row:
        return Row(self.job.arm, self.job.seed, metric, x, value)

    @torch.no_grad()
    def _guarded(self, state: FastState) -> float:
        fast = self.texts["window"].losses(self.body, state)
        return probes.mixed_bits(fast, self.slow["window"], self.share)

    def _slept(self) -> tuple[dict[int, FastState], dict[int, float]]:
        """Every candidate and its mixed loss on the window; 0 is no memory."""
        window, setting = self.setting.lessons.window, self.setting
        evicted = self.doc.evicted(window)
        lessons = setting.lessons.make(self.body, evicted, evicted[:0], self.tell)
        begin = setting.start.init(self.body, evicted, self.job.seed)
        passes = replace(setting.passes, seed=self.job.seed)
        states, trials = {}, {0: probes.mean_bits(self.slow["window"])}
        for c in passes.candidates(self.body, begin, setting.start.rate, lessons, (), self.tell):
            states[c.passes], trials[c.passes] = c.value, self._guarded(c.value)
        return states, trials

    def _pick(self, mode: str, trials: Mapping[int, float]) -> int:
        """What the guard keeps when it is shown the candidates one by one."""
        offered = (Candidate(n, n) for n in sorted(trials) if n)
        guard = HeldOut(lambda n, trials: trials[n or 0], mode)
        return guard(None, Proposal(offered, trials)).passes

    def _measured(self, n: int, state: FastState) -> list[Row]:
        rows = []
        self.tell(f"measuring N={n}", 0, 0)
        for name, text in self.texts.items():
            fast, slow = text.losses(self.body, state), self.slow[name]
            rows.append(self._row(f"{name}.alone", n, probes.mean_bits(fast)))
            if name != "window":
                rows.append(
                    self._row(f"{name}.mixed", n, probes.mixed_bits(fast, slow, self.share))
                )
            if self.arm == "weights" and name != "window":
                rows += [
                    Row(
                        f"share {share:g} {self.kind}",
                        self.job.seed,
                        f"{name}.mixed",
                        n,
                        probes.mixed_bits(fast, slow, FixedShare(share)),
                    )
                    for share in SHARES
                ]
        return rows + (self._facts(n, state) if self.doc.facts else [])

    def _facts(self, n: int, state: FastState | None) -> list[Row]:
        """Cued answers: the sentence's own beginning, and the same fact in other words."""
        rows = []
        for name in ("verbatim", "cloze"):
            cues = [(getattr(fact, name).rstrip(), fact) for fact in self.doc.facts]
            found = probes.right_answers(self.body, model().tokenizer, cues, state, self.share)
            label = "cued" if name == "verbatim" else name
            voices = ("alone", "mixed") if state else ()
            rows += [
                self._row(f"{label}.{voice}", n, value)
                for voice, value in zip(("none", "alone", "mixed"), found, strict=True)
                if voice in voices or (voice == "none" and state is None)
            ]
        return rows

    def _swapped(self, n: int, state: FastState) -> list[Row]:
        """The text that follows *another* document, with this one's state: style without memory."""
        seed = self.job.seed ^ 1  # such a pair of diaries shares no person and no answer
        doc = document(self.kind, seed, model().tokenizer)
        rows = []
        for name, text in probes.texts(self.body, doc, self.setting.lessons.window).items():
            if name.startswith("next") or name == "recall":
                fast, slow = text.losses(self.body, state), text.losses(self.body, None)
                mixed = probes.mixed_bits(fast, slow, self.share)
                arm = f"{self.arm} of another {self.kind}"
                rows.append(Row(arm, seed, f"{name}.mixed", None, mixed))
                rows.append(Row(arm, seed, f"{name}.alone", None, probes.mean_bits(fast)))
        return rows
