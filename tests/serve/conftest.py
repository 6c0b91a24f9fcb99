"""Servers over either database, or over a file where the database does not matter."""

from collections.abc import Iterator

import pytest

from tests.archive.conftest import server, where
from tests.serve.served import Planted, Served, served

__all__ = ["server", "where"]


@pytest.fixture
def planted() -> Planted:
    """A model that keeps what it was asked."""
    return Planted()


@pytest.fixture
def running(tmp_path, planted) -> Iterator[Served]:
    """A server without tokens over a file."""
    with served(tmp_path / "talks.db", planted) as found:
        yield found


@pytest.fixture
def shared(tmp_path, planted) -> Iterator[Served]:
    """A server with tokens for ana and ben."""
    with served(tmp_path / "talks.db", planted, tokens={"token-a": "ana", "token-b": "ben"}) as it:
        yield it
