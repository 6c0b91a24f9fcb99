"""What was read is kept as text: append-only, content-addressed, searched by its words."""

from duotempo.archive.archive import Archive
from duotempo.archive.records import Sentence, Source

__all__ = ["Archive", "Sentence", "Source"]
