"""LoCoMo as published: two people, dated sessions, questions with evidence in five categories."""

import re
from datetime import UTC, datetime

from duotempo.converse.evaluate.fields import Place
from duotempo.converse.evaluate.records import Asked, Rule, Sitting, Told, Uttered

KINDS: dict[int, tuple[str, Rule]] = {
    1: ("multi-hop", "parts"),
    2: ("temporal", "whole"),
    3: ("open-domain", "whole"),
    4: ("single-hop", "whole"),
    5: ("adversarial", "choice"),
}
"""Category -> its name and how it is scored. Source: the evaluation published with LoCoMo (arXiv
2402.17753); some papers swap names."""

SESSION = re.compile(r"session_(\d+)")
TURN = re.compile(r"D:?(\d+):(\d+)")
CLOCK = "%I:%M %p on %d %B, %Y"


def told(sample: Place) -> Told:
    """One sample. Raises `UserError` naming the field that is not as published."""
    talk = sample.at("conversation")
    numbers = sorted(int(m[1]) for name in talk.kind(dict) if (m := SESSION.fullmatch(name)))
    if not numbers:
        raise talk.wrong("has no session_1")
    sittings = [sitting(talk, number) for number in numbers]
    known = {turn.ref for each in sittings for turn in each.turns}
    ref = sample.at("sample_id").text() if sample.has("sample_id") else sample.where
    questions = [asked(each, n, known) for n, each in enumerate(sample.at("qa").each(), 1)]
    speakers = talk.at("speaker_a").text(), talk.at("speaker_b").text()
    return Told(ref, " and ".join(speakers), sittings, questions)


def sitting(talk: Place, number: int) -> Sitting:
    """A session. Both people are users to a memory: each turn says who speaks; a picture is its
    caption."""
    time = talk.at(f"session_{number}_date_time")
    try:
        begun = datetime.strptime(time.text().strip(), CLOCK).replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise time.wrong("is no time like '1:56 pm on 8 May, 2023'") from error
    turns = []
    for turn in talk.at(f"session_{number}").each():
        text = turn.at("text").text()
        if turn.has("blip_caption"):
            text += f" [shows a picture: {turn.at('blip_caption').text()}]"
        spoken = f"{turn.at('speaker').text()}: {text}"
        turns.append(Uttered(turn.at("dia_id").text(), "user", spoken))
    return Sitting(f"D{number}", begun, turns)


def asked(question: Place, number: int, known: set[str]) -> Asked:
    """A question. Evidence that names no turn of the conversation is left out, as nobody can find
    it; of an answer in category 3 what follows a semicolon is its reason and is cut."""
    category = question.at("category").kind(int)
    if category not in KINDS:
        raise question.at("category").wrong("is not 1 to 5")
    kind, rule = KINDS[category]
    wanted = "answer" if question.has("answer") or category != 5 else "adversarial_answer"
    answer = question.at(wanted).text()
    if category == 3:
        answer = answer.partition(";")[0].strip()
    said = " ".join(each.text() for each in question.at("evidence").each())
    refs = {f"D{int(session)}:{int(turn)}" for session, turn in TURN.findall(said)}
    turns = frozenset(refs & known)
    sessions = frozenset(ref.partition(":")[0] for ref in turns)
    text = question.at("question").text()
    return Asked(str(number), kind, text, answer, rule, turns, sessions)
