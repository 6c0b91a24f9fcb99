"""Reads what a model wrote, strictly and line by line: nothing is dropped without a word."""

import re
from collections.abc import Sequence

from duotempo.converse.model import PARTS, Finding, Unreadable

LINE = re.compile(
    r"(?:[-*•・]\s*)?[\[［【]\s*(\d+(?:\s*[,;，；、]\s*\d+)*)\s*[\]］】]\s*(?P<text>\S.*)"
)
HEADING = re.compile(r"[#＃]+\s*(\w+)\s*[:：]?\s*")
NOTHING = ("nothing", "none", "(nothing)", "- nothing")
LONGEST = 400
"""Characters of the longest sentence that is taken for one."""


def notes_in(said: str, most: int) -> list[Finding]:
    """Lines like `- [2] Ana lives in Oslo.`, resting on numbers from 1 to `most`; or `nothing`.

    Raises `Unreadable` naming the first line that is none.
    """
    lines = [line.strip() for line in said.strip().splitlines() if line.strip()]
    if len(lines) == 1 and lines[0].lower().rstrip(".。") in NOTHING:
        return []
    if not lines:
        raise Unreadable("the answer is empty")
    return [_finding(line, most, "") for line in lines]


def memory_in(said: str, most: int) -> list[Finding]:
    """The same under the headings of a memory's parts, each at most once.

    Raises `Unreadable`.
    """
    part, seen, found = "", set(), []
    for line in (line.strip() for line in said.strip().splitlines()):
        if not line:
            continue
        if heading := HEADING.fullmatch(line):
            part = heading[1].lower()
            if part not in PARTS or part in seen:
                raise Unreadable(f"'{part}' is no heading, or stands twice")
            seen.add(part)
        elif line.lower().rstrip(".。") in NOTHING:
            continue
        elif not part:
            raise Unreadable("there is a sentence before the first heading")
        else:
            found.append(_finding(line, most, part))
    if not seen:
        raise Unreadable(f"there is none of the headings {', '.join(PARTS)}")
    return found


def _finding(line: str, most: int, part: str) -> Finding:
    mark = LINE.fullmatch(line)
    if mark is None:
        raise Unreadable(f"this line has no number in brackets before it: {line[:60]!r}")
    numbers = tuple(dict.fromkeys(int(n) for n in re.findall(r"\d+", mark[1])))
    if bad := [n for n in numbers if not 1 <= n <= most]:
        raise Unreadable(f"there is no number {bad[0]}: they go from 1 to {most}")
    if len(mark["text"]) > LONGEST:
        raise Unreadable(f"a sentence has more than {LONGEST} characters")
    return Finding(mark["text"].strip(), numbers, part)


def within(findings: Sequence[Finding], budget: int, size) -> tuple[list[Finding], int]:  # noqa: ANN001
    """What fits a budget, and how many sentences did not: those that rest on the oldest go."""
    kept = list(findings)
    while kept and sum(size(finding.text) for finding in kept) > budget:
        kept.remove(min(kept, key=lambda finding: max(finding.numbers)))
    return kept, len(findings) - len(kept)
