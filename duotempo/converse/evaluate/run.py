"""Feeds a benchmark's conversations to a memory, asks, scores; what is finished is kept."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations
from duotempo.converse.conversation import Conversation
from duotempo.converse.evaluate.asking import answer, kept, shown
from duotempo.converse.evaluate.records import Told
from duotempo.converse.evaluate.scores import found, scored
from duotempo.converse.evaluate.summary import Cell, summary
from duotempo.converse.model import Model
from duotempo.converse.probes import Prober, cloze
from duotempo.converse.sleep import Settings
from duotempo.core import Tell, UserError, provenance, silent
from duotempo.core.files import write_text

ARMS = ("memory", "look-up", "none")
"""What is shown beside a question: the memory; as much of what was said, looked up; nothing."""


@dataclass(frozen=True)
class Plan:
    """`budget`: tokens of the memory, and of what is looked up in its place; `limit`:
    conversations to take, the first ones, all if None.

    `about` names data and model: a folder with a run of others is not gone on with.
    """

    about: Mapping[str, str]
    budget: int = 400
    seed: int = 0
    limit: int | None = None


def run(
    talks: Sequence[Told],
    model: Model,
    folder: Path,
    plan: Plan,
    prober: Prober = cloze,
    tell: Tell = silent,
) -> list[Cell]:
    """Measure what is not measured yet; returns means by arm, kind of question and score.

    Writes run.json, a folder a conversation with its database and rows.jsonl, and result.json.
    A conversation that was cut off is begun anew. Raises `UserError` for a folder of another run.
    """
    identity = {**plan.about, "budget": plan.budget, "seed": plan.seed}
    opened(folder, identity)
    places = [folder / "conversations" / plain(told.ref, n) for n, told in enumerate(talks)]
    chosen = list(zip(talks, places, strict=True))[: plan.limit]
    for done, (told, place) in enumerate(chosen):
        tell("conversations", done, len(chosen))
        if not (place / "rows.jsonl").exists():
            shutil.rmtree(place, ignore_errors=True)
            rows = measured(told, model, place, plan, prober, tell)
            write_text(place / "rows.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    rows = [row for _, place in chosen for row in read(place / "rows.jsonl")]
    cells = summary(rows)
    result = {"identity": identity, "commit": provenance.commit(), "conversations": len(chosen)}
    result |= {"cells": [asdict(cell) for cell in cells]}
    write_text(folder / "result.json", json.dumps(result, indent=1) + "\n")
    return cells


def measured(
    told: Told, model: Model, place: Path, plan: Plan, prober: Prober, tell: Tell
) -> list[dict[str, Any]]:
    """One conversation, kept, slept on once at its end, and asked about under every arm."""
    place.mkdir(parents=True)
    with Conversations(place / "talks.db") as archive:
        person = archive.of(told.name)
        settings = Settings(len(told.sittings) + 1, plan.budget, tries=1, seed=plan.seed)
        talk = Conversation(person, model, settings, prober)
        names = kept(person, told)
        slept(talk, told.ref, tell)
        rows, many = [], len(ARMS) * len(told.questions)
        for question in told.questions:
            for arm in ARMS:
                tell(f"{told.ref}: questions", len(rows), many)
                lines = shown(talk, arm, question)
                said = answer(talk, question, lines, plan.seed)
                under = [names[turn] for line in lines for turn in line.turns]
                turns, sessions = {turn for turn, _ in under}, {session for _, session in under}
                evidence = found(question, turns, sessions) if arm != "none" else {}
                row = {"conversation": told.ref, "question": question.ref, "arm": arm}
                row |= {"kind": question.kind, "asked": question.text, "gold": question.answer}
                row |= {"said": said, "tokens": sum(model.size(line.text) for line in lines)}
                rows.append(row | {"scores": scored(question, said) | evidence})
        return [{"conversation": told.ref, "memory": state(talk)}, *rows]


def slept(talk: Conversation, ref: str, tell: Tell) -> None:
    """Note every session and sleep once."""
    many = len(talk.pending())
    for done, _ in enumerate(talk.sleeps(now=True), 1):
        tell(f"{ref}: sessions", done, many)


def state(talk: Conversation) -> dict[str, Any]:
    """What came of the sleep: the guard's word, and sessions whose notes could not be read."""
    reasons = [version.reason for version in Memories(talk.person).versions()]
    faults = [session.fault for session in talk.person.sessions() if session.fault]
    return {"sentences": len(talk.memory), "reasons": reasons, "faults": faults}


def opened(folder: Path, identity: Mapping[str, Any]) -> None:
    """Begin a folder, or make sure that what it holds is this very run. Raises `UserError`."""
    card = folder / "run.json"
    if not card.exists():
        about = {"identity": identity, "commit": provenance.commit()}
        about |= {"machine": provenance.machine()}
        write_text(card, json.dumps(about, indent=1) + "\n")
        return
    before = json.loads(card.read_text(encoding="utf-8"))["identity"]
    names = dict.fromkeys((*identity, *before))
    if other := [name for name in names if before.get(name) != identity.get(name)]:
        raise UserError(
            f"{folder} holds a run that differs in its {' and '.join(other)}: give another --out, "
            "or --fresh to start anew"
        )


def plain(ref: str, number: int) -> str:
    """A name that may be a folder's, unlike any other's."""
    word = re.sub(r"[^A-Za-z0-9]+", "-", ref).strip("-")[:40]
    return f"{number + 1:03}-{word}-{sha256(ref.encode()).hexdigest()[:6]}"


def read(path: Path) -> list[dict[str, Any]]:
    """Rows of a conversation."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
