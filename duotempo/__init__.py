"""Duotempo: language models with two tempos, a fast channel that changes and a slow one."""

__version__ = "0.1.0"
