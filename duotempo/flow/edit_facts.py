"""Facts as edits: the rival is the new answer, and neighbours should keep theirs."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import torch

from duotempo.core import UserError
from duotempo.flow.edits import Edit
from duotempo.flow.facts import Asked, Encode, Fact, document, encoded, joined
from duotempo.flow.probe import Question


def edit_of(fact: Fact, encode: Encode) -> Edit:
    """A fact with a rival as an edit; raises `UserError` for one without, or that cannot be asked.

    A neighbour whose answer begins like the new one cannot tell a leak and is left out. So is one
    of a fact that a document states: no document is read before an edit, so none knows its answer.
    """
    if not fact.rival:
        raise UserError(f"fact {fact.fact!r} has no rival: an edit writes it, so say one")
    alone = replace(fact, document="", donor="", contexts=(), contradictions={})
    turned = replace(alone, answer=fact.rival, rival=fact.answer)
    loud = ""
    if fact.subject and fact.neighbours:
        loud = f"{fact.subject}. {fact.neighbours[0].question}"
    return Edit(
        fact.fact,
        document(f"{joined(fact.questions[0], fact.rival)}.", encode),
        encoded(turned, encode).questions,
        tuple(_others(alone, fact.neighbours, encode)),
        tuple(_others(alone, fact.same_subject, encode)),
        torch.tensor(list(encode(loud)), dtype=torch.long) if loud else None,
    )


def _others(fact: Fact, asked: Iterable[Asked], encode: Encode) -> Iterator[Question]:
    """Questions whose answers should stay, each beside the new and the old answer of the edit."""
    for one in asked if fact.kind == "weights" else ():
        if one.answer.strip() == fact.rival.strip():
            continue
        wanted = replace(
            fact,
            questions=(one.question,),
            answer=one.answer,
            rival=fact.rival,
            alternatives=(fact.answer, *fact.alternatives),
            old="",
        )
        try:
            yield encoded(wanted, encode).questions[0]
        except UserError:
            continue
