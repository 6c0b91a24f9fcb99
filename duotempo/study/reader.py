"""Does sleep make evicted text usable, and does the guard keep it from hurting?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from duotempo.core import Tell
from duotempo.sleep.latents import Latents
from duotempo.sleep.lessons import Lessons
from duotempo.sleep.passes import Passes
from duotempo.sleep.weights import Weights
from duotempo.study import probes, reader_claims, reader_figures
from duotempo.study.base import Claim, Figure, Job, Row, Size
from duotempo.study.documents import FIRST_REPORTED, KINDS, Document, document, inputs
from duotempo.study.model import MODEL, body, model
from duotempo.study.reader_ablations import ablations
from duotempo.study.sleeping import Setting, Sleep

DEFAULT = Setting()
SHORT = Setting(passes=Passes(most=4))  # latents and ablations: four passes show the difference
MAIN = {"weights": DEFAULT, "latents": replace(SHORT, start=Latents())}
ABLATIONS = {
    "no distillation": replace(SHORT, lessons=Lessons(top=0), passes=Passes(4, distill=0.0)),
    "all layers": replace(SHORT, layers=1.0),
    "rank 2": replace(SHORT, start=Weights(rank=2)),
    "rank 8": replace(SHORT, start=Weights(rank=8)),
    "rate 1e-3": replace(SHORT, start=Weights(rate=1e-3)),
    "window 256": replace(SHORT, lessons=Lessons(segment=128, window=256)),
    "window 1024": replace(SHORT, lessons=Lessons(window=1024)),
}
ARMS = MAIN | ABLATIONS
CONTEXT = "full context"
FULL, FEW = 8, 2  # documents of each kind for the main arms, for the ablations


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
        return inputs(size == "full") | {f"model {MODEL}": model().fingerprint}

    def measure(self, job: Job, size: Size, tell: Tell) -> list[Row]:
        arm, kind = job.arm.rsplit(" ", 1)
        doc = document(kind, job.seed, model().tokenizer)
        doc = doc.shortened() if size == "smoke" else doc
        if arm == CONTEXT:
            return context_rows(job, doc)
        setting = ARMS[arm]
        if size == "smoke":
            setting = replace(setting, passes=replace(setting.passes, most=2))
        return Sleep(job, setting, doc, tell).rows()

    def claims(self, rows: Sequence[Row]) -> list[Claim]:
        return reader_claims.claims(rows) + ablations(reader_claims.Table.of(rows))

    def figures(self, rows: Sequence[Row]) -> list[Figure]:
        return reader_figures.figures(rows)


def context_rows(job: Job, doc: Document) -> list[Row]:
    """What the untouched model does with everything in its context."""
    whole, window = body(0.5), DEFAULT.lessons.window
    found = probes.full_context(whole, doc, window)
    if doc.facts:
        tokenizer = model().tokenizer
        text = str(tokenizer.decode(doc.history))
        cues = {
            "cued": [(f"{text}\n\n{fact.verbatim.rstrip()}", fact) for fact in doc.facts],
            "ask": [(probes.chat(tokenizer, fact, [text]), fact) for fact in doc.facts],
        }
        for name, asked in cues.items():
            found[name] = probes.right_in_context(whole, tokenizer, asked)
    return [Row(job.arm, job.seed, f"{name}.full", None, value) for name, value in found.items()]
