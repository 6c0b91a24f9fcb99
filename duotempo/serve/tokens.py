"""Bearer tokens and whose they are: from a file that only its owner reads."""

import json
from hashlib import sha256
from pathlib import Path

from duotempo.archive.turns import checked_name
from duotempo.core import UserError


class Tokens:
    """Who a token belongs to; only the sha256 of a token is held. Raises `UserError`."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._users = {_digest(token): checked_name(user) for token, user in pairs}
        if len(self._users) != len(pairs):
            raise UserError("a token stands twice in the file of tokens: give each one user")
        if not pairs or not all(token.isascii() and token.isprintable() for token, _ in pairs):
            raise UserError("tokens are printable ASCII, one or more: `openssl rand -hex 24`")

    def user(self, header: str | None) -> str | None:
        """Whose the token in an Authorization header is; None: nobody's."""
        kind, _, token = (header or "").partition(" ")
        return self._users.get(_digest(token.strip())) if kind.lower() == "bearer" else None

    @staticmethod
    def read(path: Path) -> "Tokens":
        """Tokens of a file: a JSON object {token: user}, or lines `TOKEN USER`.

        Raises `UserError` for what is neither, and for a file that others may read.
        """
        if path.stat().st_mode & 0o007:
            raise UserError(f"others may read {path}: `chmod 600` it, who has a token is its user")
        try:
            text = path.read_text(encoding="utf-8")
            pairs = _json(text) if text.lstrip().startswith("{") else _lines(text)
        except ValueError as error:  # bad UTF-8 and bad JSON are both
            raise UserError(f"{path} is no file of tokens: lines of `TOKEN USER`") from error
        return Tokens(pairs)


def _json(text: str) -> list[tuple[str, str]]:
    pairs = json.loads(text, object_pairs_hook=list)
    if not all(isinstance(user, str) for _, user in pairs):
        raise ValueError("a user is no text")
    return pairs


def _lines(text: str) -> list[tuple[str, str]]:
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    if any(len(pair) != 2 for pair in pairs):
        raise ValueError("a line is no pair")
    return [(token, user) for token, user in pairs]


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogateescape")).digest()
