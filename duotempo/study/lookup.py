"""Ways to answer a question about a document: lookup, fast state, and both."""

from transformers import PreTrainedTokenizerBase

from duotempo.archive import Archive
from duotempo.core import FixedShare
from duotempo.models.body import Body, Memory
from duotempo.study.base import Job, Row
from duotempo.study.documents import Document
from duotempo.study.probes import chat, prepared, right_answers

SENTENCES = 4


def ask_rows(
    job: Job,
    body: Body,
    tokenizer: PreTrainedTokenizerBase,
    doc: Document,
    memory: Memory | None,
) -> list[Row]:
    """Share of chat questions answered right among ten candidates, by each way."""
    with Archive.open(":memory:") as archive:
        archive.append("diary", doc.text)
        found = [archive.search(fact.question, SENTENCES) for fact in doc.facts]
    notes = [[s.text.strip() for s in sentences] for sentences in found]
    with_notes = [(chat(tokenizer, f, n), f) for f, n in zip(doc.facts, notes, strict=True)]
    bare = [(chat(tokenizer, f, ()), f) for f in doc.facts]
    share = FixedShare()
    lookup, both, both_mixed = right_answers(
        body, tokenizer, prepared(body, tokenizer, with_notes), memory, share
    )
    none, alone, mixed = right_answers(
        body, tokenizer, prepared(body, tokenizer, bare), memory, share
    )
    hits = [
        any(fact.sentence.strip() in note for note in kept)
        for fact, kept in zip(doc.facts, notes, strict=True)
    ]
    values = {
        "ask.none": none,
        "ask.alone": alone,
        "ask.mixed": mixed,
        "ask.lookup": lookup,
        "ask.lookup and alone": both,
        "ask.lookup and mixed": both_mixed,
        "ask.found": sum(hits) / len(hits),
    }
    return [Row(job.arm, job.seed, name, None, value) for name, value in values.items()]
