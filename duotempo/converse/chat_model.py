"""Any chat model as a memory model: our prompts, strict reading, one attempt to repair."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from math import ceil
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from duotempo.archive.conversation_records import Line
from duotempo.converse.endpoint import CutOff, Message
from duotempo.converse.model import PARTS, SAID, Dated, Finding, Said, Unreadable
from duotempo.converse.reading import memory_in, notes_in
from duotempo.core import UserError

PROMPTS = Path(__file__).parent / "prompts"
NAMES = ("remember", "compress", "reply", "repair")
T = TypeVar("T")


@runtime_checkable
class Chat(Protocol):
    """Goes on a conversation: messages of `role` and `content`, at most so many tokens."""

    @property
    def context(self) -> int:
        """Tokens that it can read and write at once."""
        ...

    def chat(self, messages: Sequence[Message], longest: int) -> str:
        """What it says next."""
        ...


@runtime_checkable
class Streaming(Protocol):
    """A chat that can say it piece by piece."""

    def stream(self, messages: Sequence[Message], longest: int) -> Iterator[str]:
        """What it says next, as it comes."""
        ...


@dataclass(frozen=True)
class ChatModel:
    """The three tasks by prompting; `language` is the name of a folder of prompts, or its path.

    `longest` is the most tokens of a reply; `count` tells how many tokens a text has, where that is
    known. What was said stands between marks, as data; a turn
    cannot close them.
    """

    chat: Chat
    language: str = "en"
    longest: int = 300
    count: Callable[[str], int] | None = None

    def __post_init__(self) -> None:
        prompts(self.language)

    @property
    def context(self) -> int:
        """Tokens that the chat model can read and write at once, beside the longest of our prompts;
        half of what it can where that is larger."""
        ours = max(map(self.size, prompts(self.language).values()))
        return max(self.chat.context - ours, self.chat.context // 2)

    def size(self, text: str) -> int:
        """Tokens of a text by `count`; else about so many, rather more than fewer: one for four
        plain letters, one for each digit, sign or other letter, and never fewer than words."""
        if self.count is not None:
            return self.count(text)
        packed = "".join(text.split())
        letters = sum(c.isascii() and c.isalpha() for c in packed)
        return max(ceil(letters / 4) + len(packed) - letters, len(text.split()))

    def remember(self, name: str, turns: Sequence[Said]) -> list[Finding]:
        """Notes of a session. Raises `Unreadable`."""
        said = "\n".join(f"[{t.number}] {t.role}: {quoted(t.text)}" for t in turns)
        asked = filled(self.language, "remember", name=name, turns=said)
        known = {turn.number for turn in turns}
        return self._read(asked, lambda text: _only(notes_in(text, max(known)), known))

    def compress(self, name: str, notes: Sequence[Dated], budget: int) -> list[Finding]:
        """A memory of all notes. Raises `Unreadable`."""
        said = "\n".join(
            f"[{n}] {quoted(note.text)}" + (f" ({note.day})" if note.day else "")
            for n, note in enumerate(notes, 1)
        )
        words = str(max(20, budget * 3 // 4))
        asked = filled(self.language, "compress", name=name, notes=said, budget=words)
        return self._read(asked, lambda text: memory_in(text, len(notes)), budget + budget // 2)

    def reply(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> str:
        """What to say next."""
        return stripped(self.chat.chat(self.messages(name, memory, turns), self.longest))

    def stream(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> Iterator[str]:
        """The same piece by piece as it comes, or at once from a chat that cannot."""
        messages = self.messages(name, memory, turns)
        if isinstance(self.chat, Streaming):
            yield from self.chat.stream(messages, self.longest)
        else:
            yield stripped(self.chat.chat(messages, self.longest))

    def messages(self, name: str, memory: Sequence[Line], turns: Sequence[Said]) -> list[Message]:
        """Turns as the chat reads them. All that is no turn is one message before them, since many
        templates take no second: what an application says of itself, then what is remembered."""
        before = [turn.text for turn in turns if turn.role == "system"]
        if memory:
            before.append(filled(self.language, "reply", name=name, memory=recited(memory)))
        said = [{"role": t.role, "content": t.text} for t in turns if t.role != "system"]
        return [{"role": "system", "content": "\n\n".join(before)}, *said] if before else said

    def _read(self, asked: str, read: Callable[[str], T], longest: int = 600) -> T:
        """What is asked for, from the first or the second answer."""
        messages = [{"role": "user", "content": asked}]
        said = self.chat.chat(messages, longest)
        try:
            return read(said)
        except Unreadable as fault:
            again = filled(self.language, "repair", fault=str(fault))
            if sum(map(self.size, (asked, said, again))) + longest > self.chat.context:
                whole = [{"role": "user", "content": f"{asked}\n\n{again}"}]
                return read(self.chat.chat(whole, longest))
            messages += [
                {"role": "assistant", "content": said},
                {"role": "user", "content": again},
            ]
            return read(self.chat.chat(messages, longest))


def stripped(said: str) -> str:
    """What a chat said without white space around it; what was cut off stays a `CutOff`."""
    return CutOff(said.strip()) if isinstance(said, CutOff) else said.strip()


def recited(memory: Sequence[Line]) -> str:
    """A memory as a model reads it, part by part."""
    parts = [
        f"# {part}\n" + "\n".join(f"- {quoted(line.text)}" for line in memory if line.part == part)
        for part in (*PARTS, SAID)
        if any(line.part == part for line in memory)
    ]
    return "\n".join(parts)


def quoted(text: str) -> str:
    """Data on one line that cannot close the marks around it or begin a heading."""
    return re.sub(r"={3,}", "=", " ".join(text.split()))


def filled(language: str, prompt: str, /, **values: str) -> str:
    """A prompt with its gaps filled, once each: what fills one is not looked at again."""
    parts = re.split(r"\{(\w+)\}", prompts(language)[prompt])
    parts[1::2] = [values[gap] for gap in parts[1::2]]
    return "".join(parts).strip()


@cache
def prompts(language: str) -> dict[str, str]:
    """The prompts of a language. Raises `UserError` for a folder without all of them."""
    folder = PROMPTS / language if language.isidentifier() else Path(language).expanduser()
    missing = [name for name in NAMES if not (folder / f"{name}.md").is_file()]
    if missing:
        raise UserError(
            f"prompts in {language!r} lack {', '.join(f'{name}.md' for name in missing)}: copy "
            f"those of {PROMPTS / 'en'} and translate them"
        )
    return {name: (folder / f"{name}.md").read_text(encoding="utf-8") for name in NAMES}


def _only(findings: list[Finding], known: set[int]) -> list[Finding]:
    """Raises `Unreadable` for a number that no turn has."""
    if bad := {n for finding in findings for n in finding.numbers} - known:
        raise Unreadable(f"there is no turn {min(bad)}")
    return findings
