"""One config for every native model: a shape that can be built, written down and read again."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from duotempo.core import UserError
from duotempo.models.decoder import Decoder
from duotempo.models.shape import MemoryConfig, Shape

__all__ = ["Config", "MemoryConfig", "from_dict"]


@dataclass(frozen=True)
class Config(Shape):
    """A decoder's shape, and the decoder of it."""

    def build(self) -> Decoder:
        """The model, with weights to be trained."""
        return Decoder(self)


def from_dict(values: Mapping[str, Any]) -> Config:
    """The config of plain values; raises `UserError` for what is no config."""
    try:
        known = {f.name: f for f in fields(Config)}
        parts = {name: value for name, value in values.items() if name in known}
        memory = MemoryConfig(**parts.pop("memory", {}))
        layout = tuple(parts.pop("layout", Config.layout))
        pair = parts.pop("parts", None)
        pair = None if pair is None else tuple(pair)
        return Config(**parts, layout=layout, parts=pair, memory=memory)
    except TypeError as error:
        raise UserError(f"this is no model config ({error}): give one that Config wrote") from error
