"""Questions about what was really said, made from raw turns by rule: the guard's evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from duotempo.archive.conversation_records import Line, Turn
from duotempo.converse.gaps import counted, gap, right, sentences
from duotempo.converse.model import Model, Said, replies

GAP = "___"
ASK = 'I once told you: "{gapped}" Which word was in the place of the gap? Say only that word.'
ASK_LETTERS = (
    'I once told you: "{gapped}" Which {letters} letters were in the place of the gap? Say only '
    "these."
)
"""The same where no spaces tell words apart."""


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
    rarest long word; in a script without spaces 2 to 4 letters that are rare together, a number,
    or a word in katakana. Later turns that say the same sentence with another word make an earlier
    one unfair, so the latest of them is asked."""
    said = [turn for turn in turns if turn.role == "user" and turn.text]
    counts = counted(turn.text or "" for turn in said)
    found: dict[str, Probe] = {}
    for turn in said:
        for sentence in sentences(turn.text or ""):
            place = gap(sentence, counts)
            if place is None:
                continue
            gapped = sentence[: place.start] + GAP + sentence[place.end :]
            asked = (ASK_LETTERS if place.letters else ASK).format(
                gapped=gapped, letters=place.letters
            )
            answer = sentence[place.start : place.end]
            found[gapped.lower()] = Probe(asked, answer, (turn.id,))
    probes = list(found.values())
    return sorted(random.sample(probes, min(most, len(probes))), key=lambda probe: probe.turns)


def answered(
    model: Model, name: str, memory: Sequence[Line], probes: Sequence[Probe]
) -> list[bool]:
    """Which probes a model answers right with a memory, each in a session of its own."""
    asked = [(memory, [Said(1, "user", probe.question)]) for probe in probes]
    said = replies(model, name, asked)
    return [right(text, probe.answer) for text, probe in zip(said, probes, strict=True)]
