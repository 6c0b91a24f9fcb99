"""Editability: was the fact learned, and what else changed? On the final mind, speaking freely."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from duotempo.core import Tell, UserError, silent
from duotempo.flow.cases import said
from duotempo.flow.edits import Edit, Mind, Operator, read, run
from duotempo.flow.estimate import Estimate, estimate
from duotempo.flow.probe import Question
from duotempo.flow.subject import Ids, Subject, lasting

COUNTS = (1, 10, 100)
NOTHING = "nothing"


@dataclass(frozen=True)
class EditRow:
    """One operator after `count` edits, each edit judged on the mind behind the last of them.

    `efficacy`: the new answer is likelier than the old; `top`: it is the likeliest candidate;
    `said`: it is what the model says freely. `paraphrase`: likeliest in other wordings;
    `neighbours` and `same_subject`: other questions are answered right, those aside that an edit
    of the series is about. `loudness` and `collateral`: KL in nats to the mind before, behind a
    mention of the subject and over plain text. `lasting`: still likeliest after plain text was
    read; `reset`: with the stores emptied. `undo`: the largest change of a logit once the edit was
    taken back. `headline`: harmonic mean of said, paraphrase, neighbours and same_subject,
    of those there are. `seconds` to make one edit. None: does not apply.
    """

    operator: str
    count: int
    efficacy: Estimate | None = None
    top: Estimate | None = None
    said: Estimate | None = None
    paraphrase: Estimate | None = None
    neighbours: Estimate | None = None
    same_subject: Estimate | None = None
    loudness: Estimate | None = None
    collateral: Estimate | None = None
    lasting: Estimate | None = None
    reset: Estimate | None = None
    undo: float | None = None
    headline: float | None = None
    seconds: float | None = None
    bytes: int | None = None


Scores = dict[str, float]


@torch.no_grad()
def editability(
    subject: Subject,
    edits: Sequence[Edit],
    ways: Mapping[str, Operator],
    plain: Ids,
    *,
    counts: Sequence[int] = COUNTS,
    tell: Tell = silent,
) -> tuple[EditRow, ...]:
    """Every operator: each edit by itself (count 1), then so many in a row as `counts` say and as
    there are edits. `plain` is a text that has nothing to do with them.

    Raises `UserError` for an operator that changes nothing: a silent failure is no edit. Sources:
    The Mirage of Model Editing, 2025 (why free speech and the final model); CounterFact and ROME.
    """
    if not edits:
        raise UserError("there are no edits: give at least one fact with a rival")
    base, rows = Mind(subject.empty()), []
    for name, way in ways.items():
        for count in counts:
            if count > len(edits):
                continue
            tell(f"editing, {name}, {count}", len(rows), len(ways) * len(counts))
            rows.append(_row(subject, edits, (name, way), plain, count, base))
    return tuple(rows)


def _row(
    subject: Subject,
    edits: Sequence[Edit],
    named: tuple[str, Operator],
    plain: Ids,
    count: int,
    base: Mind,
) -> EditRow:
    name, way = named
    series = [[edit] for edit in edits] if count == 1 else [list(edits[:count])]
    scores: list[Scores] = []
    seconds, size, undo = 0.0, 0, 0.0
    for told in series:
        before = run(subject, base, told[0].questions[0].tokens).logits
        mind, took = _told(subject, base, told, name, way)
        if mind is None:
            return EditRow(name, count)
        seconds += took
        size = max(size, _bytes(mind, base))
        apart = {"collateral": _kl(subject, mind, base, plain)}
        asked = {_key(question) for edit in told for question in edit.questions}
        known = [_without(edit, asked) for edit in told]
        scores += [_scores(subject, mind, base, edit, plain) | apart for edit in known]
        back = run(subject, base, told[0].questions[0].tokens).logits
        undo = max(undo, float((back - before).abs().max()))
    keys = dict.fromkeys(key for score in scores for key in score)
    found = {key: estimate([s[key] for s in scores if key in s]) for key in keys}
    parts = [found.get(key) for key in ("said", "paraphrase", "neighbours", "same_subject")]
    headline = harmonic([part.value for part in parts if part])
    edited = sum(map(len, series))
    return EditRow(
        name, count, **found, undo=undo, headline=headline, seconds=seconds / edited, bytes=size
    )


def _told(
    subject: Subject, base: Mind, edits: Sequence[Edit], name: str, way: Operator
) -> tuple[Mind | None, float]:
    """The mind after some edits in a row, and the seconds that these took; checks not counted."""
    mind, seconds = base, 0.0
    for edit in edits:
        tokens = edit.questions[0].tokens
        before = run(subject, mind, tokens).logits[-1]
        begun = time.perf_counter()
        after = way(subject, mind, edit)
        seconds += time.perf_counter() - begun
        if after is None:
            return None, seconds
        if name != NOTHING and torch.equal(run(subject, after, tokens).logits[-1], before):
            raise UserError(
                f"the edit {edit.fact!r} by {name} changed nothing, not even its own question: "
                "choose another operator or another place for it, or leave edits out"
            )
        mind = after
    return mind, seconds


def _key(question: Question) -> tuple[int, ...]:
    """What is asked."""
    return tuple(question.tokens.tolist())


def _without(edit: Edit, asked: Collection[tuple[int, ...]]) -> Edit:
    """An edit without the other questions whose answers were changed on purpose."""
    neighbours, same = (
        tuple(question for question in part if _key(question) not in asked)
        for part in (edit.neighbours, edit.same_subject)
    )
    return replace(edit, neighbours=neighbours, same_subject=same)


def _scores(subject: Subject, mind: Mind, base: Mind, edit: Edit, plain: Ids) -> Scores:
    first, *others = edit.questions
    logits = run(subject, mind, first.tokens).logits[-1]
    found: Scores = {
        "efficacy": float(logits[first.firsts[0]] > logits[first.firsts[1]]),
        "top": float(first.choice(logits) == 0),
        "said": float(_said(subject, mind, first) == 0),
    }
    for key, asked in (
        ("paraphrase", others),
        ("neighbours", edit.neighbours),
        ("same_subject", edit.same_subject),
    ):
        if asked:
            found[key] = sum(_right(subject, mind, one) for one in asked) / len(asked)
    if edit.loud is not None:
        found["loudness"] = _loud(subject, mind, base, edit.loud)
    found["lasting"] = _right(subject, read(subject, mind, plain), first)
    memories = lasting(subject)
    if memories:
        emptied = Mind(subject.zeroed(mind.state, memories), mind.deltas)
        found["reset"] = _right(subject, emptied, first)
    return found


def _right(subject: Subject, mind: Mind, question: Question) -> float:
    return float(question.choice(run(subject, mind, question.tokens).logits[-1]) == 0)


def _said(subject: Subject, mind: Mind, question: Question) -> int | None:
    """What is said freely."""
    logits = run(subject, mind, question.tokens).logits[-1]
    return said(question, logits, lambda tokens: run(subject, mind, tokens))


def _loud(subject: Subject, mind: Mind, base: Mind, tokens: Ids) -> float:
    """KL(before || after) in nats, behind the last token."""
    p, q = (run(subject, m, tokens).logits[-1].double().log_softmax(-1) for m in (base, mind))
    return float((p.exp() * (p - q)).sum().clamp_min(0))


def _kl(subject: Subject, mind: Mind, base: Mind, tokens: Ids) -> float:
    """KL(before || after) in nats a token."""
    p = run(subject, base, tokens).logits.double().log_softmax(-1)
    q = run(subject, mind, tokens).logits.double().log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).clamp_min(0).mean())


def _bytes(mind: Mind, base: Mind) -> int:
    """Bytes that were added to weights, and of the state, where it is another."""
    kept = list(mind.deltas.values())
    if mind.state is not base.state:
        kept += _tensors(mind.state)
    return sum(leaf.numel() * leaf.element_size() for leaf in kept)


def _tensors(value: Any) -> list[Tensor]:
    """Every tensor in a state, whatever it is made of."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        value = list(getattr(value, "__dict__", {}).values())
    return [tensor for part in value for tensor in _tensors(part)]


def harmonic(values: Sequence[float]) -> float | None:
    """The harmonic mean; 0 where one of them is."""
    if not values:
        return None
    return 0.0 if min(values) <= 0 else len(values) / sum(1 / value for value in values)
