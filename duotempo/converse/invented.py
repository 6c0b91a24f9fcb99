"""A model of the invented world as a memory model: its three tasks are texts in, texts out."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, runtime_checkable

from duotempo.archive.conversation_records import Line, Turn
from duotempo.converse.model import PARTS, SAID, Asked, Dated, Finding, Said, Unreadable
from duotempo.converse.probes import Probe
from duotempo.tasks import sessions_forms as forms
from duotempo.tasks.sessions import SLOTS, Fact, Slot, told
from duotempo.tasks.sessions_words import MOST_DATES, MOST_REFS, NAMES, UNKNOWN

MARK = re.compile(r" \[(\d+)\]")
HEADING = re.compile(rf"(?:^|(?<= ))({'|'.join(PARTS)}) :(?= |$)")
STRANGE = 4
"""One probe in so many asks for what nobody told: a memory must not invent."""


@runtime_checkable
class AtOnce(Protocol):
    """Speaks on many prompts at once, and says again what it has said."""

    def all(self, prompts: Sequence[str]) -> list[str]:
        """What follows each."""
        ...


@dataclass(frozen=True)
class Invented:
    """The three tasks by whatever goes on a prompt of the world: the oracle, or a trained model.

    Who is called `ana-7` is Ana to it. Dates are numbers of sessions.
    """

    speak: Callable[[str], str] = forms.oracle
    context: int = 2000

    def size(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def remember(self, name: str, turns: Sequence[Said]) -> list[Finding]:
        """Notes of a session. Raises `Unreadable`."""
        said = self._said(forms.remember(called(name), [turn.text for turn in turns]))
        numbers = [turn.number for turn in turns]
        return [Finding(text, _placed(marks, numbers), "") for marks, text in _sentences(said)]

    def compress(self, name: str, notes: Sequence[Dated], budget: int) -> list[Finding]:
        """A memory of all notes, those that begin alike at once. Raises `Unreadable`."""
        if len(notes) >= MOST_REFS:
            raise Unreadable(f"{len(notes)} notes are more than it can number")
        said = [forms.cited(_dated(note), n) for n, note in enumerate(notes, 1)]
        prompts = [forms.compress(called(name), group) for group in forms.together(said)]
        self.ahead(prompts)
        numbers = range(1, len(notes) + 1)
        found = [finding for prompt in prompts for finding in self._memory(prompt, numbers)]
        return sorted(found, key=lambda finding: PARTS.index(finding.part))

    def _memory(self, prompt: str, numbers: range) -> list[Finding]:
        """The sentences of a memory. Raises `Unreadable`."""
        parts = HEADING.split(self._said(prompt))
        if parts[0] or tuple(parts[1::2]) not in ((), PARTS):
            raise Unreadable("its parts are not those of a memory")
        return [
            Finding(text, _placed(marks, numbers), part)
            for part, said_of in zip(parts[1::2], parts[2::2], strict=True)
            for marks, text in _sentences(said_of.strip())
        ]

    def reply(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
        """What to say next. Raises `Unreadable`."""
        return self._said(replying(memory, turns))

    def replies(self, name: str, asked: Sequence[Asked]) -> list[str]:
        """In many sessions at once, if what speaks can."""
        self.ahead([replying(memory, turns) for memory, turns in asked])
        found = []
        for memory, turns in asked:
            try:
                found.append(self.reply(name, memory, turns))
            except Unreadable:
                found.append("")
        return found

    def ahead(self, prompts: Sequence[str]) -> None:
        """Have what speaks go on many prompts at once, if it can, and keep what it says."""
        if isinstance(self.speak, AtOnce):
            self.speak.all(prompts)

    def _said(self, prompt: str) -> str:
        """What comes before the end. Raises `Unreadable` where there is none."""
        said = self.speak(prompt)
        if said != forms.END and not said.endswith(f" {forms.END}"):
            raise Unreadable("it did not come to an end")
        return said.removesuffix(forms.END).strip()


def replying(memory: Sequence[Line], turns: Sequence[Said]) -> str:
    """Task 3 as a prompt."""
    raw = " ".join(line.text for line in memory if line.part == SAID)
    parts = (
        f"{part} : {' ; '.join(line.text for line in memory if line.part == part)}".strip()
        for part in PARTS
    )
    context = raw or (" ".join(parts) if memory else "")
    return forms.reply(context, [turn.text for turn in turns if turn.role != "system"])


def called(name: str) -> str:
    """The name as the world says it; who has no name of the world is its first."""
    first = name.partition("-")[0].lower()
    return first if first in NAMES else NAMES[0]


def questions(turns: Sequence[Turn], random: Random, most: int) -> list[Probe]:
    """Probes of the world: what was told is asked for, now and before; and what never was."""
    facts = []
    for turn in turns:
        if turn.role == "user" and (turn.text or "").strip() in forms.telling():
            slot, value = forms.telling()[(turn.text or "").strip()]
            facts.append(Fact(turn.session, turn.id, slot, value))
    known, found = told(facts), []
    for slot, each in known.items():
        found.append(_probe(slot.questions()[0], each.now))
        if each.before:
            found.append(_probe(slot.before(), each.before))
    strange = [slot for slot in SLOTS if slot not in known]
    many = min(len(strange), most // STRANGE)
    kept = random.sample(found, min(len(found), most - many))
    return kept + [_unknown(slot) for slot in random.sample(strange, many)]


def _probe(question: str, fact: Fact) -> Probe:
    return Probe(question, fact.value, (fact.turn,))


def _unknown(slot: Slot) -> Probe:
    return Probe(slot.questions()[0], UNKNOWN, ())


def _dated(note: Dated) -> str:
    """A note with its session; a sentence of a memory has its own."""
    return f"{note.text} @{min(note.session, MOST_DATES - 1)}" if note.session else note.text


def _sentences(said: str) -> list[tuple[list[int], str]]:
    """Numbered sentences. Raises `Unreadable` for one without a number."""
    found = []
    for sentence in said.split(" ; ") if said else ():
        marks, text = [int(n) for n in MARK.findall(sentence)], MARK.sub("", sentence).strip()
        if not marks or not text:
            raise Unreadable(f"a sentence has no number, or nothing else: {sentence[:40]!r}")
        found.append((marks, text))
    return found


def _placed(marks: Sequence[int], known: Sequence[int]) -> tuple[int, ...]:
    """Raises `Unreadable` for a number that there is none of."""
    if bad := set(marks) - set(known):
        raise Unreadable(f"there is no number {min(bad)}")
    return tuple(dict.fromkeys(marks))
