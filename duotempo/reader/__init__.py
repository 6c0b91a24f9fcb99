"""A living model: open, read, sleep, ask, generate, save, fork."""

from duotempo.reader.reader import Answer, Reader, Reading
from duotempo.reader.settings import Settings
from duotempo.reader.speak import Sampling

__all__ = ["Answer", "Reader", "Reading", "Sampling", "Settings"]
