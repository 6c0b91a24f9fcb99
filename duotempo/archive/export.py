"""All that is known of a person, for them to take away: JSON lines, or Markdown to read."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from duotempo.archive.conversation_records import Note, Session, Turn, Version
from duotempo.archive.engine import reading
from duotempo.archive.memories import Memories
from duotempo.archive.people import Person

PAGE = 2**18
"""Characters that are given out before it is asked again whether something was forgotten."""

Place = tuple[int, int, int]
"""Where a record stands among all of a person's: its kind, its session or version, its number in
there."""


@dataclass(frozen=True)
class Known:
    """All that was known of a person at one moment; `forgotten` as of then."""

    forgotten: tuple[int, str]
    sessions: Sequence[Session]
    turns: Sequence[Turn]
    notes: Sequence[Note]
    versions: Sequence[Version]

    def lines(self) -> Iterator[tuple[Place, str]]:
        """A line a record, its kind first, and where it stands."""
        said: Counter[int] = Counter()
        for session in self.sessions:
            yield (0, session.number, 0), _line("session", session)
        for turn in self.turns:
            yield (1, turn.session, turn.number), _line("turn", turn)
        for note in self.notes:
            said[note.session] += 1
            yield (2, note.session, said[note.session]), _line("note", note)
        for version in self.versions:
            yield (3, version.number, 0), _line("version", version)


def known(person: Person) -> Known:
    """All that is known of a person, in one look."""
    memories = Memories(person)
    with reading(person.engine) as db:
        found = [memories.version(each.number, db) for each in memories.versions(db)]
        return Known(
            person.forgotten(db),
            person.sessions(db),
            person.turns(look=db),
            memories.notes(look=db),
            [version for version in found if version],
        )


def json_lines(person: Person) -> Iterator[str]:
    """A line a record, its kind first: sessions, turns, notes, versions with their sentences."""
    return (line for page in _pages(person) for line in page)


def json_pages(person: Person) -> Iterator[str]:
    """The same for a slow reader: many lines at once, each with its end.

    All of it is of one moment, unless something is forgotten meanwhile: what comes after the page
    that is under way is without it. No look at the database lasts until a reader has read, so
    forgetting does not wait for one.
    """
    return ("".join(f"{line}\n" for line in page) for page in _pages(person))


def markdown(person: Person) -> str:
    """The memory that stands, then every session as it was said."""
    found = known(person)
    version = next((each for each in reversed(found.versions) if each.kept), None)
    said = [f"# {person.name}", ""]
    if version:
        said += [f"## Memory, version {version.number}, {day(version.made)}", ""]
        said += [
            f"- *{line.part}*: {line.text} (turns {', '.join(map(str, line.turns))})"
            for line in version.lines
        ]
        said.append("")
    for session in found.sessions:
        said += [f"## Session {session.number}, {day(session.begun)}", ""]
        for turn in (each for each in found.turns if each.session == session.number):
            said += [f"**{turn.role}** ({turn.id}): {turn.text or '*forgotten*'}", ""]
    return "\n".join(said)


def day(seconds: float) -> str:
    """A day, as people write it to machines."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def _pages(person: Person) -> Iterator[list[str]]:
    """Lines of about `PAGE` characters together. Before each it is asked whether something was
    forgotten: then all is looked up anew, and gone on with after the last line."""
    found = known(person)
    rest = found.lines()
    last: Place = (-1, 0, 0)
    while page := _page(rest):
        if person.forgotten() != found.forgotten:
            found = known(person)
            rest = _after(found, last)
            continue
        yield [line for _, line in page]
        last = page[-1][0]


def _page(lines: Iterator[tuple[Place, str]]) -> list[tuple[Place, str]]:
    page, size = [], 0
    for place, line in lines:
        page.append((place, line))
        size += len(line)
        if size >= PAGE:
            break
    return page


def _after(found: Known, last: Place) -> Iterator[tuple[Place, str]]:
    return ((place, line) for place, line in found.lines() if place > last)


def _line(kind: str, record: Any) -> str:
    return json.dumps({"kind": kind, **asdict(record)}, ensure_ascii=False)
