"""Lets the processes of a run import the planted studies: they get this process's import path."""

import sys
from pathlib import Path

import pytest

HERE = str(Path(__file__).parent)


@pytest.fixture(autouse=True)
def planted_studies_can_be_imported(monkeypatch):
    """For the length of a test: `import planted` works, here and in the workers."""
    monkeypatch.setattr(sys, "path", [HERE, *sys.path])
