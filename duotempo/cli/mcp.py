"""`duotempo mcp`: the memory of one person as tools of any MCP host."""

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from duotempo.cli.chat import SMOLLM2, USUAL_SIZES, Sizes, Talker, opened
from duotempo.cli.common import USUAL, Common, Flag
from duotempo.cli.console import say
from duotempo.core import UserError


@Parameter(name="*", group=Group("Over HTTP", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class Door:
    """Where hosts come in; on this machine only, for there are no keys."""

    http: Flag = False
    """Serve streamable HTTP on http://HOST:PORT/mcp instead of standard input and output."""
    host: str = "127.0.0.1"
    """The address of this machine to serve on."""
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8765
    """The port; 0 takes a free one."""


STDIO = Door()


def mcp(
    *,
    user: str = "me",
    store: str = "runs/chat/talks.db",
    door: Door = STDIO,
    talker: Talker = SMOLLM2,
    sizes: Sizes = USUAL_SIZES,
    common: Common = USUAL,
) -> None:
    """Serve one person's memory to an MCP host: remember, recall, why, roll back, forget, sleep.

    Over standard input and output, as hosts start their servers, or over streamable HTTP. Whose
    memory it is is fixed when the server starts: no tool can name another person. `duotempo chat`
    talks from the same store. When the server ends, so does the session; the next `sleep` notes it.

        duotempo mcp --user ana

        duotempo mcp --user ana --http --port 8765

    Parameters
    ----------
    user
        Whose conversations: others are not to be seen from here.
    store
        The database: a file (SQLite), or postgresql://USER@HOST/NAME.
    """
    from duotempo.serve.mcp_server import serve_http, server  # noqa: PLC0415 - an optional extra

    if common.json:
        raise UserError("a server has no JSON form: leave out --json")
    talk, close = opened(user, store, talker, sizes, common)
    try:
        made = server(talk)
        if door.http:
            serve_http(made, door.host, door.port, say)
        else:
            made.run("stdio")
    finally:
        talk.end()
        close()
