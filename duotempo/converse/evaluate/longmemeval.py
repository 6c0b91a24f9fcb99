"""LongMemEval as published: a question to a user's many sessions, with labels of the evidence."""

import re
from datetime import UTC, datetime

from duotempo.converse.evaluate.fields import Place
from duotempo.converse.evaluate.records import Asked, Sitting, Told, Uttered

CLOCK = re.compile(r"(\d{4})/(\d\d)/(\d\d) \(\w+\) (\d\d):(\d\d)")
ABSTAINS = "_abs"
"""Ends the id of a question that has no answer in its sessions. Source: arXiv 2410.10813."""
NAME = "the user"


def told(instance: Place) -> Told:
    """One instance: its sessions, sorted by time, and its question.

    Raises `UserError` naming the field that is not as published.
    """
    lists = [instance.at(f"haystack_{name}") for name in ("session_ids", "dates", "sessions")]
    ids, dates, sessions = (each.each() for each in lists)
    if not len(ids) == len(dates) == len(sessions):
        raise instance.wrong("has haystack_session_ids, _dates and _sessions of different lengths")
    labelled: set[str] = set()
    sittings = []
    for ref, date, session in zip(ids, dates, sessions, strict=True):
        turns = []
        for n, turn in enumerate(session.each(), 1):
            name = f"{ref.text()}_{n}"
            if turn.has("has_answer") and turn.at("has_answer").value:
                labelled.add(name)
            if role_and_text := said(turn):
                turns.append(Uttered(name, *role_and_text))
        sittings.append(Sitting(ref.text(), seconds(date), turns))
    sittings.sort(key=lambda each: each.begun)
    question = asked(instance, frozenset(labelled))
    return Told(question.ref, NAME, sittings, [question])


def said(turn: Place) -> tuple[str, str] | None:
    """Role and text; None for a turn in which nothing was said."""
    role = turn.at("role").kind(str)
    if role not in ("user", "assistant"):
        raise turn.at("role").wrong("is neither user nor assistant")
    text = turn.at("content").text().replace("\0", "")
    return (role, text) if text.strip() else None


def asked(instance: Place, labelled: frozenset[str]) -> Asked:
    """The question. One without an answer has no evidence either, and needs a judge."""
    ref = instance.at("question_id").text()
    evidence = frozenset(each.text() for each in instance.at("answer_session_ids").each())
    kind, none = instance.at("question_type").kind(str), frozenset[str]()
    text, answer = instance.at("question").text(), instance.at("answer").text()
    when = instance.at("question_date").text()
    if ref.endswith(ABSTAINS):
        return Asked(ref, "abstention", text, answer, "none", none, none, when)
    return Asked(ref, kind, text, answer, "whole", labelled, evidence, when)


def seconds(date: Place) -> float:
    """Since 1970. Raises `UserError` for what is no time as published."""
    mark = CLOCK.fullmatch(date.text().strip())
    try:
        if mark is not None:
            return datetime(*map(int, mark.groups()), tzinfo=UTC).timestamp()
    except ValueError:  # no day of the calendar
        pass
    raise date.wrong("is no time like '2023/05/20 (Sat) 02:21'")
