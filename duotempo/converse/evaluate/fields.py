"""Reads a user's JSON strictly: what is missing or of another kind is named with its place."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from duotempo.core import UserError

T = TypeVar("T")
KINDS = {str: "text", list: "a list", dict: "an object", int: "a whole number"}


def read_json(path: Path) -> Any:
    """What a file holds. Raises `UserError` naming the line that is no JSON."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise UserError(
            f"{path}, line {error.lineno}: no JSON ({error.msg}): get the file anew"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text: give the JSON file itself") from error


@dataclass(frozen=True)
class Place:
    """A value with where it stands, such as `locomo10.json: [3].qa[2].category`."""

    file: str
    where: str
    value: Any

    def wrong(self, what: str) -> UserError:
        """The error to raise."""
        return UserError(f"{self.file}: {self.where} {what}: give the file as it was published")

    def kind(self, kind: type[T]) -> T:
        """The value, of this kind. Raises `UserError`."""
        if not isinstance(self.value, kind) or isinstance(self.value, bool):
            raise self.wrong(f"is not {KINDS[kind]}")
        return self.value

    def has(self, name: str) -> bool:
        """Whether an object has a field."""
        return name in self.kind(dict)

    def at(self, name: str) -> "Place":
        """A field of an object. Raises `UserError`."""
        found = self.kind(dict)
        if name not in found:
            raise self.wrong(f"has no field {name!r}")
        return Place(self.file, f"{self.where}.{name}", found[name])

    def each(self) -> list["Place"]:
        """The items of a list. Raises `UserError`."""
        items = enumerate(self.kind(list))
        return [Place(self.file, f"{self.where}[{n}]", item) for n, item in items]

    def text(self) -> str:
        """A text, or a number as one. Raises `UserError`."""
        if isinstance(self.value, int | float) and not isinstance(self.value, bool):
            return str(self.value)
        return self.kind(str)
