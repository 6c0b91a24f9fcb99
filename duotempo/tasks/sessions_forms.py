"""The three tasks on invented sessions as text in, text out, and an oracle that does them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

from duotempo.tasks.sessions import SLOTS, Fact, Known, Slot, told
from duotempo.tasks.sessions_words import ATTRIBUTES, BEFORE, CONDITIONS, PARTS, UNKNOWN

END, THEN = "end", "=>"
PRIOR = " , before "
NOTE = re.compile(r"(.*?) @(\d+)(?: \[(\d+)\])?(?: , before (\S+) @(\d+)(?: \[\d+\])?)?$")


@dataclass(frozen=True)
class Line:
    """A sentence of a memory: a slot's value and when it was last told, and the value before; a
    fact's turn is the number of its note."""

    slot: Slot
    known: Known

    def text(self, name: str) -> str:
        """As a memory holds it: the later value leads, both with the number of their session."""
        now, before = self.known.now, self.known.before
        said = f"{self.slot.note(name, now.value)} @{now.session}"
        return said + (f"{PRIOR}{before.value} @{before.session}" if before else "")

    def cited(self, name: str) -> str:
        """The same, each value with the number of its note."""
        now, before = self.known.now, self.known.before
        said = cited(Line(self.slot, Known(now)).text(name), now.turn)
        return said + (f"{PRIOR}{before.value} @{before.session} [{before.turn}]" if before else "")


def cited(note: str, number: int) -> str:
    """A note, or a sentence of a memory, with its number after each date of it."""
    return f"{note.replace(PRIOR, f' [{number}]{PRIOR}')} [{number}]"


def remember(name: str, turns: Sequence[str]) -> str:
    """Task 1: what was said in a session, its turns numbered from 1."""
    said = (f"[{n}] {('bot', 'user')[n % 2]} {text}" for n, text in enumerate(turns, 1))
    return f"remember {name} : {' '.join(said)} {THEN}"


def compress(name: str, notes: Sequence[str]) -> str:
    """Task 2: notes like `ana lives in oslo @9 [7]`, or sentences of an earlier memory, `cited`."""
    return f"compress {name} : {' ; '.join(notes)} {THEN}"


def together(notes: Sequence[str], most: int = 12) -> list[list[str]]:
    """Notes in groups of about so many, to be compressed each by itself: what begins alike stands
    side by side, the last first, and is never parted.

    In long lists our small model does not find what belongs together.
    """
    groups: list[list[str]] = []
    for _, alike in groupby(sorted(notes, key=beginning), beginning):
        more = list(alike)[::-1]
        if groups and len(groups[-1]) + len(more) <= most:
            groups[-1] += more
        else:
            groups.append(more)
    return groups


def beginning(note: str) -> list[str]:
    """All words of a note before its last, which is the value, and its date."""
    return note.partition(" @")[0].split()[:-1]


def reply(context: str, turns: Sequence[str]) -> str:
    """Task 3: a memory, lines of earlier sessions or nothing; then this session's turns, the
    user's last."""
    said = (f"{('bot', 'user')[n % 2]} {text}" for n, text in enumerate(turns, 1))
    return " ".join(f"reply : {context} | {' '.join(said)} {THEN}".split())


def memory_text(lines: Sequence[Line], name: str, refs: bool) -> str:
    """A memory in its three parts; empty without a line."""
    if not lines:
        return ""
    parts = []
    for part in PARTS:
        of = [line for line in lines if line.slot.part == part]
        said = [line.cited(name) if refs else line.text(name) for line in of]
        parts.append(f"{part} : {' ; '.join(said)}".strip())
    return " ".join(parts)


def oracle(prompt: str) -> str:
    """The right output for a prompt of one of the three tasks, read from its words alone."""
    task, _, rest = prompt.removesuffix(THEN).strip().partition(" ")
    if task == "reply":
        context, _, session = rest.removeprefix(":").strip().partition("| ")
        return f"{_answer(context, session)} . {END}"
    name, _, body = rest.partition(" : ")
    if task == "remember":
        found = [f"{f.slot.note(name, f.value)} [{f.turn}]" for f in _facts(body, 0)]
        return f"{' ; '.join(found)} {END}".strip()
    return f"{memory_text(compressed(name, body.split(' ; ')), name, refs=True)} {END}".strip()


def compressed(name: str, notes: Sequence[str]) -> list[Line]:
    """The memory that notes make, in the order of how its sentences begin."""
    facts = [fact for note in notes for fact in _noted(name, note)]
    known = told(sorted(facts, key=lambda fact: fact.session))
    lines = [Line(slot, each) for slot, each in known.items()]
    return sorted(lines, key=lambda line: beginning(line.text(name)))


def _noted(name: str, note: str) -> Iterator[Fact]:
    """The facts of a note, its number for a turn; the older one first."""
    mark = NOTE.match(note)
    if mark and mark[1] in noted(name):
        slot, value = noted(name)[mark[1]]
        turn = int(mark[3] or 0)
        if mark[4]:
            yield Fact(int(mark[5]), turn, slot, mark[4])
        yield Fact(int(mark[2]), turn, slot, value)


def _facts(body: str, session: int) -> Iterator[Fact]:
    """What the user tells in numbered or unnumbered turns."""
    turns = re.split(r"(?:^| )(?:\[\d+\] )?(user|bot) ", body)[1:]
    for number, (who, text) in enumerate(zip(turns[::2], turns[1::2], strict=True), 1):
        if who == "user" and text.strip() in telling():
            slot, value = telling()[text.strip()]
            yield Fact(session, number, slot, value)


def _answer(context: str, session: str) -> str:
    """What a bot that knows a context should say to the last turn."""
    last = session.rpartition("user ")[2].strip()
    if last not in asking():
        return "i see"
    slot, before = asking()[last]
    known = told([*known_in(context), *_facts(session, 0)]).get(slot)
    if known is None or (before and known.before is None):
        return UNKNOWN
    if before and known.before is not None:
        return BEFORE.format(v=known.before.value)
    return slot.said(known.now.value)


def known_in(context: str) -> Iterator[Fact]:
    """The facts of a memory's text, or of lines like `@9 user i live in oslo .`"""
    if not context.startswith("portrait"):
        for line in re.split(r"(?=@\d+ user )", context):
            yield from _facts(line.partition(" ")[2], 0)
        return
    for line in re.split(r" ; | ?(?:portrait|relation|recap) : ?", context):
        whose = line.strip()
        for condition in CONDITIONS:
            whose = whose.removeprefix(f"{condition} ")
        yield from _noted(whose.partition(" ")[0], line.strip())


@cache
def noted(name: str) -> dict[str, tuple[Slot, str]]:
    """Every note about somebody -> what it says."""
    return {
        slot.note(name, value): (slot, value)
        for slot in SLOTS
        for value in ATTRIBUTES[slot.attribute].values
    }


@cache
def telling() -> dict[str, tuple[Slot, str]]:
    """Every way to tell something -> what it tells."""
    return {
        said: (slot, value)
        for slot in SLOTS
        for value in ATTRIBUTES[slot.attribute].values
        for said in slot.ways(value)
    }


@cache
def asking() -> dict[str, tuple[Slot, bool]]:
    """Every question -> what it asks for, and whether for the value before."""
    now = {text: (slot, False) for slot in SLOTS for text in slot.questions()}
    return now | {slot.before(): (slot, True) for slot in SLOTS}
