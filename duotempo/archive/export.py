"""All that is known of a person, for them to take away: JSON lines, or Markdown to read."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime

from duotempo.archive.memories import Memories
from duotempo.archive.people import Person


def json_lines(person: Person) -> Iterator[str]:
    """A line a record, its kind first: sessions, turns, notes, versions with their sentences."""
    memories = Memories(person)
    for kind, records in (
        ("session", person.sessions()),
        ("turn", person.turns()),
        ("note", memories.notes()),
        ("version", [memories.version(each.number) for each in memories.versions()]),
    ):
        for record in records:
            assert record is not None
            yield json.dumps({"kind": kind, **asdict(record)}, ensure_ascii=False)


def markdown(person: Person) -> str:
    """The memory that stands, then every session as it was said."""
    version = Memories(person).version()
    said = [f"# {person.name}", ""]
    if version:
        said += [f"## Memory, version {version.number}, {day(version.made)}", ""]
        said += [
            f"- *{line.part}*: {line.text} (turns {', '.join(map(str, line.turns))})"
            for line in version.lines
        ]
        said.append("")
    for session in person.sessions():
        said += [f"## Session {session.number}, {day(session.begun)}", ""]
        for turn in person.turns(session.number):
            said += [f"**{turn.role}** ({turn.id}): {turn.text or '*forgotten*'}", ""]
    return "\n".join(said)


def day(seconds: float) -> str:
    """A day, as people write it to machines."""
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()
