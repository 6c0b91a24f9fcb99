"""The main job on real models: read past the window, sleep under a guard, show the gain."""

import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import torch

from duotempo.core import Tell
from duotempo.core.files import write_text
from duotempo.models.body import Past
from duotempo.reader import Reader, Settings
from duotempo.sleep.passes import state_bytes
from duotempo.study import demo_page, probes
from duotempo.study.base import Job, Size
from duotempo.study.demo_page import WINDOW, Answered, Continued, Told
from duotempo.study.demo_sleep import slept
from duotempo.study.demo_stream import blocks, stream
from duotempo.study.documents import Document, document
from duotempo.study.model import MODEL, body, model
from duotempo.study.reader import CONTEXT, DEFAULT, context_rows
from duotempo.study.reader_long import cache_bytes
from duotempo.study.sleeping import Sleep

PATIENCE = 2  # passes that the guard saw after its pick, to be sure of it
SPOKEN, ASKED = 40, 3  # tokens of a continuation, questions


def run(
    size: Literal["full", "smoke"], out: Path, seed: int, threads: int | None, tell: Tell
) -> dict[str, Any]:
    """Run the demo, write `report.html` and `demo.json` into `out`, and return the numbers.

    Raises `UserError` when the model or a text cannot be had.
    """
    if threads:
        torch.set_num_threads(threads)
    begun = time.perf_counter()
    kinds = ("diary",) if size == "smoke" else ("diary", "prose")
    told = [_told(kind, seed, size, tell) for kind in kinds]
    rested = slept(size, seed, out, tell)
    streamed = stream(size, seed, tell)
    seconds = time.perf_counter() - begun
    facts = {
        "model": MODEL,
        "size": size,
        "seconds": seconds,
        "threads": torch.get_num_threads(),
        "rows": [asdict(row) for each in told for row in each.rows],
        "table": {each.kind: demo_page.lines(each) for each in told},
        "continuations": [asdict(c) for each in told for c in each.continued],
        "questions": [asdict(a) for each in told for a in each.answered],
        "sleep": rested.facts(),
        "sleep_table": [rested.columns, *rested.lines()],
        "stream": streamed.facts(),
        "stream_table": streamed.lines(),
        "report": str(out / "report.html"),
    }
    out.mkdir(parents=True, exist_ok=True)
    more = [*rested.blocks(), *blocks(streamed)]
    write_text(out / "report.html", demo_page.html(told, more, seconds))
    write_text(out / "demo.json", json.dumps(facts, indent=1))
    return facts


def _told(kind: str, seed: int, size: Size, tell: Tell) -> Told:
    """One document: read, slept on, measured, gone on from, asked about."""

    def said(what: str, done: float, total: float) -> None:
        tell(f"{kind}: {what}", done, total)

    doc = document(kind, seed, model().tokenizer)
    setting = DEFAULT
    if size == "smoke":
        doc = doc.shortened()
        setting = replace(DEFAULT, passes=replace(DEFAULT.passes, most=2))
    said("reading", 0, 0)
    reader = Reader(model(), Settings(window=WINDOW), said)
    reader.read(doc.text, name=kind)
    slept = Sleep(Job(f"weights {kind}", seed), setting, doc, said, full=False)
    rows = slept.rows()
    said("full context", 0, 0)
    rows += context_rows(Job(f"{CONTEXT} {kind}", seed), doc)
    pick = slept.picks["generate"]
    reader.memory = slept.states.get(pick)
    cost = {
        "state": float(state_bytes(reader.memory)),
        "cache": float(len(doc.history) * cache_bytes(slept.body)),
        "window": float(WINDOW * cache_bytes(slept.body)),
        "text": float(len(doc.text.encode())),
        "sleep": slept.seconds[min(pick + PATIENCE, max(slept.seconds))],
        "context": _reading_all(doc),
    }
    continued = tuple(_continued(reader, doc, said))
    answered = tuple(_answered(reader, doc, said))
    return Told(kind, tuple(rows), pick, len(doc.evicted(WINDOW)), cost, continued, answered)


def _reading_all(doc: Document) -> float:
    """Seconds that the whole history takes into the context."""
    begun = time.perf_counter()
    probes.advance(body(0.5), doc.history, Past())
    return time.perf_counter() - begun


def _continued(reader: Reader, doc: Document, tell: Tell) -> list[Continued]:
    """What the model writes on, without memory and with both voices; and what the text says."""
    tokenizer = model().tokenizer
    cues = [("", str(tokenizer.decode(doc.following[:SPOKEN])))]
    if doc.facts:
        fact = doc.facts[len(doc.facts) // 2]
        cues.append(("\n\n" + fact.verbatim.rstrip(), f"{fact.answer} ..."))
    found = []
    for cue, truth in cues:
        tell("writing on", len(found), len(cues))
        memory = reader.memory
        mixed = reader.generate(cue, tokens=SPOKEN)
        reader.memory = None
        plain = reader.generate(cue, tokens=SPOKEN)
        reader.memory = memory
        before = cue.strip() or "... " + str(tokenizer.decode(doc.history[-24:])).strip()
        found.append(Continued(doc.kind, before, plain, mixed, truth))
    return found


def _answered(reader: Reader, doc: Document, tell: Tell) -> list[Answered]:
    """Questions answered from looked-up sentences, with the fast state off."""
    found = []
    kinds = {fact.kind: fact for fact in doc.facts}
    for fact in list(kinds.values())[:ASKED]:
        tell("asking", len(found), ASKED)
        answer = reader.ask(fact.question)
        lines = tuple(sentence.line for sentence in answer.sentences)
        right = fact.answer.lower() in answer.text.lower()
        found.append(Answered(fact.question, answer.text, fact.answer, right, lines))
    return found
