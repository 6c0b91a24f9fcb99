"""What the server refuses: a status, one sentence, and when to try again."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from duotempo.converse.model import Unreadable
from duotempo.core import UserError

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    422: "invalid_request_error",
    429: "rate_limit_error",
}
"""OpenAI's word for a status; the rest are `server_error`."""


class Refused(Exception):
    """A request that is not answered: its status, why, and after how many seconds to try again."""

    def __init__(self, status: int, why: str, after: float | None = None) -> None:
        super().__init__(why)
        self.status, self.why, self.after = status, why, after


@contextmanager
def kept(status: int = 400) -> Iterator[None]:
    """What the archive refuses: 503 for a database that fails, `status` for what was asked."""
    try:
        yield
    except UserError as error:
        if isinstance(error.__cause__, SQLAlchemyError | sqlite3.Error):
            raise Refused(503, str(error), after=1.0) from error
        raise Refused(status, str(error)) from error
    except SQLAlchemyError as error:
        what = type(error).__name__  # its text may hold what somebody said
        raise Refused(
            503, f"the database does not answer ({what}): try again", after=1.0
        ) from error


@contextmanager
def said(turn: bool = True) -> Iterator[None]:
    """What a model refuses, or says so that it cannot be read or kept: 502; `turn`: one was kept
    before it was asked."""
    try:
        yield
    except (UserError, Unreadable) as error:
        what = "your turn is kept" if turn else "nothing is kept"
        raise Refused(502, f"the model did not answer, {what}: {error}") from error


def told(status: int, why: str, param: str | None = None) -> dict[str, dict[str, str | None]]:
    """An error in OpenAI's shape."""
    kind = KINDS.get(status, "server_error")
    return {"error": {"message": why, "type": kind, "param": param, "code": str(status)}}
