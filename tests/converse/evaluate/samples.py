"""Tiny made-up files in the published forms, and a model that remembers all and answers by key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duotempo.archive.conversation_records import Line
from duotempo.converse.model import Dated, Finding, Said


def turn(place: str, speaker: str, text: str, **more: str) -> dict[str, str]:
    """A turn of LoCoMo's."""
    return {"speaker": speaker, "dia_id": place, "text": text, **more}


def locomo() -> list[dict[str, Any]]:
    """A sample with two sessions, a picture, and a question of each category."""
    talk = {
        "speaker_a": "Ines",
        "speaker_b": "Tomas",
        "session_2_date_time": "9:05 am on 3 June, 2031",
        "session_2": [
            turn("D2:1", "Tomas", "Our kayak trip ended in Lund.", blip_caption="a red kayak"),
            turn("D2:2", "Ines", "I sold my violin last week."),
        ],
        "session_1_date_time": "1:56 pm on 8 May, 2031",
        "session_1": [
            turn("D1:1", "Ines", "I moved to Ghent for the bakery."),
            turn("D1:2", "Tomas", "My sister Olga likes baking and chess."),
        ],
        "session_1_summary": "of no use here",
    }
    questions = [
        ("What does Olga like?", "baking, chess", ["D1:2"], 1),
        ("When did Ines sell her violin?", 2031, ["D2:2"], 2),
        ("Would Ines like music?", "Likely; she had a violin", ["D2:2; D1:1"], 3),
        ("Where did Ines move?", "Ghent", ["D1:1", "D9:9"], 4),
    ]
    asked = [dict(zip(("question", "answer", "evidence", "category"), q)) for q in questions]  # noqa: B905
    asked.append(
        {
            "question": "Where did Ines go by kayak?",
            "adversarial_answer": "Lund",
            "evidence": ["D2:1"],
            "category": 5,
        }
    )
    return [{"sample_id": "made-1", "conversation": talk, "qa": asked}]


def longmemeval() -> list[dict[str, Any]]:
    """Two instances, unsorted as in the oracle file; the second has no answer."""
    bees = [
        {"role": "user", "content": "My bees gave 12 jars of honey.", "has_answer": True},
        {"role": "assistant", "content": "That is a fine harvest.", "has_answer": False},
        {"role": "user", "content": ""},
    ]
    paint = [{"role": "user", "content": "Which blue is warmest?"}]
    first = {
        "question_id": "q1",
        "question_type": "single-session-user",
        "question": "How many jars did my bees give?",
        "answer": "12 jars",
        "question_date": "2031/05/30 (Fri) 23:40",
        "haystack_session_ids": ["answer_b", "s_a"],
        "haystack_dates": ["2031/05/21 (Wed) 10:00", "2031/05/20 (Tue) 02:21"],
        "haystack_sessions": [bees, paint],
        "answer_session_ids": ["answer_b"],
    }
    second = {**first, "question_id": "q2_abs", "question": "How many goats have I?"}
    return [first, {**second, "answer": "You did not say."}]


def written(folder: Path, data: Any) -> Path:
    """A file of it."""
    path = folder / "data.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return path


@dataclass
class Everything:
    """A model that notes every turn as it is, keeps every note, and says what its key says to a
    question if the answer stands in what it is shown, else that it was not mentioned."""

    key: Mapping[str, str]
    context: int = 4000
    asked: list[str] = field(default_factory=list)
    noted: list[int] = field(default_factory=list)

    def size(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def remember(self, name: str, turns: Sequence[Said]) -> list[Finding]:
        """Each turn."""
        self.noted.append(len(turns))
        return [Finding(t.text, (t.number,)) for t in turns]

    def compress(self, name: str, notes: Sequence[Dated], budget: int) -> list[Finding]:
        """Each note."""
        return [Finding(note.text, (n,), "recap") for n, note in enumerate(notes, 1)]

    def reply(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
        """By key."""
        text = " ".join(line.text for line in memory)
        self.asked.append(turns[-1].text)
        for question, answer in self.key.items():
            if question in turns[-1].text:
                return answer if answer.split(",")[0] in text else "It was not mentioned."
        return text  # a probe of the guard's
