"""What the demo shows: a table a document, figures, continuations, answers and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from duotempo.study.base import Row
from duotempo.study.page import Block, Heading, Prose, Quote, Table, page
from duotempo.study.reader_claims import Table as Numbers
from duotempo.study.reader_figures import figures

WINDOW = 512  # tokens
COLUMNS = ("", "no memory", "state alone", "mixture", "full context")
MEASURES = {
    "recall": "evicted text, recalled (bits/token)",
    "next": "text that follows (bits/token)",
    "other": "prose not read (bits/token)",
    "manual": "technical text (bits/token)",
    "cued": "facts finished right (chance 0.10)",
}


@dataclass(frozen=True)
class Continued:
    """A cue, what each model wrote after it, and what the document says there."""

    kind: str
    cue: str
    plain: str
    mixed: str
    truth: str


@dataclass(frozen=True)
class Answered:
    """A question, the answer, the right one, and the sentences it was read from."""

    question: str
    answer: str
    truth: str
    right: bool
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """All there is to show of one document; `cost` in bytes and seconds by name."""

    kind: str
    rows: tuple[Row, ...]
    pick: int
    evicted: int
    cost: Mapping[str, float]
    continued: tuple[Continued, ...]
    answered: tuple[Answered, ...]


def lines(told: Told) -> list[tuple[str, ...]]:
    """The table of one document, a line a measure, as text."""
    numbers = Numbers.of(told.rows)
    arm, full = f"weights {told.kind}", f"full context {told.kind}"
    seed = numbers.seeds(arm)[0]
    found = []
    for name, label in MEASURES.items():
        if name == "cued" and told.kind != "diary":
            continue
        cells = [
            numbers.at(arm, f"{name}.none", seed, 0.0),
            numbers.voiced(arm, name, "alone", told.pick, seed),
            numbers.voiced(arm, name, "mixed", told.pick, seed),
        ]
        shown = [f"{value:.2f}" for value in cells]
        known = name in ("recall", "next", "cued")
        shown.append(f"{numbers.at(full, f'{name}.full', seed):.2f}" if known else "–")
        found.append((label, *shown))
    return found + _costs(told.cost)


def _costs(cost: Mapping[str, float]) -> list[tuple[str, ...]]:
    window, whole, state = (cost[name] / 1e6 for name in ("window", "cache", "state"))
    with_state = f"{window + state:.1f}"
    return [
        ("seconds to have it", "0", *[f"{cost['sleep']:.0f}"] * 2, f"{cost['context']:.0f}"),
        ("keys, values and state (MB)", f"{window:.1f}", with_state, with_state, f"{whole:.1f}"),
    ]


def html(told: Sequence[Told], streamed: Sequence[Block], seconds: float) -> str:
    """The page: what was read, what sleep bought, what it cost."""
    blocks: list[Block] = [
        Prose(
            "A small language model read texts several times as long as its window. What fell out "
            "of the window was slept on: written into a small fast state, in passes, as long as "
            "the text still in the window spoke for it. Lower bits are better. The mixture lets "
            "the untouched model and the model with its state speak together, so that the state "
            "can help and can hardly harm."
        )
    ]
    for each in told:
        blocks += _document(each)
    blocks += streamed
    blocks.append(Prose(f"Made in {seconds:.0f} seconds."))
    return page("A model that remembers what left its window", blocks)


def _document(told: Told) -> list[Block]:
    what = "An invented diary" if told.kind == "diary" else "Real prose"
    verdict = (
        f"The guard kept N={told.pick} over {told.evicted:,} evicted tokens (window: {WINDOW})."
        if told.pick
        else "The guard refused every pass: none helped on the text still in the window."
    )
    blocks: list[Block] = [
        Heading(what),
        Table(COLUMNS, lines(told), caption=verdict),
        *figures(told.rows),
        Heading("Writing on"),
    ]
    for continued in told.continued:
        blocks += [
            Prose(f"After: {continued.cue}"),
            Quote(continued.plain.strip(), "without memory"),
            Quote(continued.mixed.strip(), "with memory, mixed"),
            Quote(continued.truth.strip(), "the document"),
        ]
    if told.answered:
        blocks += [
            Heading("Questions, answered from the archive"),
            Prose("The sentences were looked up in the raw text; the fast state was off."),
        ]
    for answered in told.answered:
        mark = "right" if answered.right else f"wrong: {answered.truth}"
        blocks += [
            Prose(answered.question),
            Quote(answered.answer, f"the model ({mark})"),
            Quote("\n".join(answered.sentences), "what it read"),
        ]
    return blocks
