"""Questions about what was really said, made from raw turns by rule: the guard's evidence."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from duotempo.archive.conversation_records import Line, Turn
from duotempo.converse.model import Model, Said, replies

GAP = "___"
ASK = 'I once told you: "{gapped}" Which word was in the place of the gap? Say only that word.'
WORD = re.compile(r"\w[\w'-]*")
SHORTEST, LONGEST = 4, 30
"""Words of a sentence that a gap is worth making in."""


@dataclass(frozen=True)
class Probe:
    """A question, the word that must be in the answer, and the turns that it was made from."""

    question: str
    answer: str
    turns: tuple[int, ...]


Prober = Callable[[Sequence[Turn], Random, int], list[Probe]]
"""Makes at most so many probes from turns."""


def cloze(turns: Sequence[Turn], random: Random, most: int) -> list[Probe]:
    """Sentences of the user's with a gap where they are most telling: a number, a name or the
    rarest long word. Later turns that say the same sentence with another word make an earlier one
    unfair, so the latest of them is asked."""
    said = [turn for turn in turns if turn.role == "user" and turn.text]
    counts = Counter(w.lower() for turn in said for w in WORD.findall(turn.text or ""))
    found: dict[str, Probe] = {}
    for turn in said:
        for sentence in re.split(r"(?<=[.!?])\s+", turn.text or ""):
            words = WORD.findall(sentence)
            if sentence.endswith("?") or not SHORTEST <= len(words) <= LONGEST:
                continue
            word = max(words, key=lambda w: _telling(w, words[0], counts))
            gapped = re.sub(rf"\b{re.escape(word)}\b", GAP, sentence, count=1)
            found[gapped.lower()] = Probe(ASK.format(gapped=gapped), word, (turn.id,))
    probes = list(found.values())
    return sorted(random.sample(probes, min(most, len(probes))), key=lambda probe: probe.turns)


def _telling(word: str, first: str, counts: Counter[str]) -> tuple[bool, bool, bool, int, int]:
    """A number before a name before a rare word before a long one."""
    name = word[0].isupper() and word != first and len(word) > 1
    return word.isdigit(), name, len(word) > 3, -counts[word.lower()], len(word)


def answered(
    model: Model, name: str, memory: Sequence[Line], probes: Sequence[Probe]
) -> list[bool]:
    """Which probes a model answers right with a memory, each in a session of its own."""
    asked = [(memory, [Said(1, "user", probe.question)]) for probe in probes]
    said = replies(model, name, asked)
    return [right(text, probe.answer) for text, probe in zip(said, probes, strict=True)]


def right(said: str, answer: str) -> bool:
    """Whether an answer holds the word, whatever its case, as a word of its own."""
    return re.search(rf"(?<!\w){re.escape(answer.lower())}(?!\w)", said.lower()) is not None
