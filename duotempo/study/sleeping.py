"""One document slept on: every candidate, the guard's picks, and all that is measured of them."""

import time
from dataclasses import dataclass, field, replace
from functools import cached_property

from duotempo.core import Candidate, FixedShare, HeldOut, Proposal, Tell
from duotempo.core.guard import MODES
from duotempo.models.body import Body
from duotempo.models.pretrained import fingerprint
from duotempo.sleep.lessons import Lessons
from duotempo.sleep.passes import FastState, Passes, Start
from duotempo.sleep.weights import Weights
from duotempo.study import probes
from duotempo.study.base import Job, Row
from duotempo.study.documents import Document, document
from duotempo.study.lookup import ask_rows
from duotempo.study.model import body, model

SHARES = (0.002, 0.005, 0.05, 0.1, 0.2)  # tried beside the default
MAIN = ("weights", "latents")  # arms measured at every N, and on another document too
SHOWN = (1, 2, 4, 8)  # passes at which a study's main arms are measured, with the guard's picks
FEWER = (2, 4)  # the same for ablations


@dataclass(frozen=True)
class Setting:
    """One way to sleep: where the fast state begins, lessons, passes, share of layers it is in."""

    start: Start = field(default_factory=Weights)
    lessons: Lessons = field(default_factory=Lessons)
    passes: Passes = field(default_factory=Passes)
    layers: float = 0.5


@dataclass
class Sleep:
    """One document slept on: candidates by passes, the guard's picks, everything measured.

    `full`: also what only a study asks for, other shares, another document's state, lookup.
    """

    job: Job
    setting: Setting
    doc: Document
    tell: Tell
    full: bool = True

    def __post_init__(self) -> None:
        self.arm, self.kind = self.job.arm.rsplit(" ", 1)
        self.body: Body = body(self.setting.layers)
        self.share, self.before = FixedShare(), model().fingerprint
        self.texts = probes.texts(self.body, self.doc, self.setting.lessons.window)
        self.slow = {name: text.losses(self.body, None) for name, text in self.texts.items()}
        self.seconds: dict[int, float] = {}
        self.states: dict[int, FastState] = {}
        self.trials = {0: probes.mean_bits(self.slow["window"])}
        self._sleep()
        self.picks = {mode: self._pick(mode) for mode in MODES}

    def rows(self) -> list[Row]:
        """Every number: base line, guard, candidates, and the extras of a full study."""
        rows = [self._row(f"{n}.none", 0, probes.mean_bits(v)) for n, v in self.slow.items()]
        rows += [self._row("window.mixed", n, loss) for n, loss in self.trials.items()]
        rows += [self._row(f"pick.{mode}", None, n) for mode, n in self.picks.items()]
        shown = SHOWN if self.arm in MAIN else FEWER
        for n in sorted({*shown, *self.picks.values()} & set(self.states)):
            rows += self._measured(n, self.states[n])
        rows += self._facts(0, None) if self.doc.facts else []
        rows += self._extras() if self.full else []
        return [*rows, self._row("off.same", None, float(self._same()))]

    def _extras(self) -> list[Row]:
        pick, rows = self.picks["generate"], []
        if self.arm in MAIN and pick:
            rows += self._swapped(self.states[pick])
        if self.arm == "weights" and self.doc.facts:
            memory = self.states.get(pick)
            rows += ask_rows(self.job, self.body, model().tokenizer, self.doc, memory)
        return rows

    def _same(self) -> bool:
        """Slow weights, and losses without a state, are bit for bit what they were."""
        again = self.texts["next 1"].losses(self.body, None)
        return again == self.slow["next 1"] and fingerprint(model().model) == self.before

    def _row(self, metric: str, x: float | None, value: float) -> Row:
        return Row(self.job.arm, self.job.seed, metric, x, value)

    def _sleep(self) -> None:
        """Every candidate, its mixed loss on the window, and the seconds until it was there."""
        setting, begun = self.setting, time.perf_counter()
        evicted = self.doc.evicted(setting.lessons.window)
        lessons = setting.lessons.make(self.body, evicted, evicted[:0], self.tell)
        begin = setting.start.init(self.body, evicted, self.job.seed)
        passes = replace(setting.passes, seed=self.job.seed)
        for c in passes.candidates(self.body, begin, setting.start.rate, lessons, (), self.tell):
            fast = self.texts["window"].losses(self.body, c.value)
            self.states[c.passes] = c.value
            self.trials[c.passes] = probes.mixed_bits(fast, self.slow["window"], self.share)
            self.seconds[c.passes] = time.perf_counter() - begun

    def _pick(self, mode: str) -> int:
        """What the guard keeps when it is shown the candidates one by one."""
        offered = (Candidate(n, n) for n in sorted(self.trials) if n)
        guard = HeldOut(lambda n, trials: trials[n or 0], mode)
        return guard(None, Proposal(offered, self.trials)).passes

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
            if self.full and self.arm == "weights" and name != "window":
                rows += self._shares(f"{name}.mixed", n, fast, slow)
        return rows + (self._facts(n, state) if self.doc.facts else [])

    def _shares(
        self, metric: str, n: int, fast: list[list[float]], slow: list[list[float]]
    ) -> list[Row]:
        """The same mixture with other shares."""
        mixed = {share: probes.mixed_bits(fast, slow, FixedShare(share)) for share in SHARES}
        arms = {f"share {share:g} {self.kind}": bits for share, bits in mixed.items()}
        return [Row(arm, self.job.seed, metric, n, bits) for arm, bits in arms.items()]

    @cached_property
    def _cues(self) -> dict[str, list[probes.Cues]]:
        """Each fact's sentence up to the answer, and the same fact in other words."""
        facts, tokenizer = self.doc.facts, model().tokenizer
        asked = {
            "cued": [(fact.verbatim.rstrip(), fact) for fact in facts],
            "cloze": [(fact.cloze.rstrip(), fact) for fact in facts],
        }
        return {name: probes.prepared(self.body, tokenizer, cues) for name, cues in asked.items()}

    def _facts(self, n: int, state: FastState | None) -> list[Row]:
        """Facts answered right, after n passes; 0 is no memory."""
        rows, tokenizer = [], model().tokenizer
        for name, cues in self._cues.items():
            if name == "cloze" and n not in (0, self.picks["generate"]):
                continue  # chance at every N tried in development: once is enough
            none, alone, mixed = probes.right_answers(self.body, tokenizer, cues, state, self.share)
            found = {"alone": alone, "mixed": mixed} if state else {"none": none}
            rows += [self._row(f"{name}.{voice}", n, value) for voice, value in found.items()]
        return rows

    def _swapped(self, state: FastState) -> list[Row]:
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
