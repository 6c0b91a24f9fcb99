"""Both databases, as fixtures; each test has people of its own."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import count
from subprocess import CalledProcessError, TimeoutExpired

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from duotempo.archive.people import Conversations, Person
from tests.archive.places import postgres, programs

NUMBER = count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server; without its programs the test is left out."""
    if programs() is None:
        pytest.skip("no PostgreSQL is installed")
    with ExitStack() as stack:
        try:
            url = stack.enter_context(postgres())
        except (CalledProcessError, TimeoutExpired) as error:  # a machine that forbids servers
            pytest.skip(f"PostgreSQL does not start here: {error}")
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request, tmp_path) -> str:
    """A fresh database of either kind, or a schema of its own."""
    if request.param == "sqlite":
        return str(tmp_path / "talks.db")
    url, name = request.getfixturevalue("server"), f"talks{next(NUMBER)}"
    with psycopg.connect(url, autocommit=True) as db:
        db.execute(SQL("CREATE SCHEMA {}").format(Identifier(name)))
    return f"{url}&options=-csearch_path%3D{name}"


@pytest.fixture
def talks(where) -> Iterator[Conversations]:
    """An open archive of conversations."""
    with Conversations(where) as found:
        yield found


@pytest.fixture
def ana(talks) -> Person:
    """Somebody new."""
    return talks.of(f"ana-{next(NUMBER)}")
