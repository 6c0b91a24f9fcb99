"""A flow report back from its JSON, field by field: a stranger's file is refused in a sentence."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from duotempo.core import UserError
from duotempo.flow.report import KIND, Report


def read_report(path: Path) -> Report:
    """The report that `duotempo flow --save` wrote; raises `UserError` for any other file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {path} ({error}): give a file of --save") from error
    try:
        return report_of(found)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def report_of(values: Any) -> Report:
    """What `as_dict` was made of; raises `UserError`, which names the field, for what it is not.

    Fields that an earlier version did not write have their defaults.
    """
    if not isinstance(values, Mapping) or values.get("kind") != KIND:
        raise UserError("this is no flow report: give files that `duotempo flow` wrote")
    return _whole(Report, values, "")


def _whole(form: Any, values: Any, where: str) -> Any:
    """A dataclass from its fields."""
    if not isinstance(values, Mapping):
        raise _wrong(where)
    kinds, found = get_type_hints(form), {}
    for field in fields(form):
        name = f"{where}.{field.name}".lstrip(".")
        if field.name in values:
            found[field.name] = _value(kinds[field.name], values[field.name], name)
        elif field.default is MISSING:
            raise _wrong(name)
    return form(**found)


def _value(kind: Any, value: Any, where: str) -> Any:
    """A value in the type that a field has."""
    outer, inner = get_origin(kind), get_args(kind)
    if outer is UnionType:
        return None if value is None else _value(_some(inner), value, where)
    if is_dataclass(kind):
        return _whole(kind, value, where)
    if outer is tuple and isinstance(value, list):
        return tuple(_value(inner[0], item, f"{where}[{at}]") for at, item in enumerate(value))
    if outer is Mapping and isinstance(value, Mapping):
        return {key: _value(inner[1], item, f"{where}.{key}") for key, item in value.items()}
    if kind is float and type(value) in (int, float):
        return float(value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise _wrong(where)


def _some(kinds: tuple[Any, ...]) -> Any:
    """The other type of an optional one."""
    return next(kind for kind in kinds if kind is not NoneType)


def _wrong(where: str) -> UserError:
    return UserError(
        f"{where or 'the report'} is missing or is no value of a flow report: make the report anew"
    )
