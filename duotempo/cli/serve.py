"""`duotempo serve`: a memory behind an address that speaks the OpenAI protocol."""

import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from duotempo.cli.chat import Sizes
from duotempo.cli.common import USUAL, Common
from duotempo.cli.console import say, telling
from duotempo.core import UserError

if TYPE_CHECKING:
    from fastapi import FastAPI
else:
    FastAPI = Any  # help must not wait for the web, nor need it

SWITCH = 0.0005
"""Seconds after which a thread that sleeps on somebody lets a reply go on, at each of its calls of
the database; Python's own are ten times that."""
LOOPBACK = ("127.0.0.1", "::1", "localhost")
Positive = Annotated[int, Parameter(validator=Number(gte=1))]


@Parameter(name="*", group=Group("The model", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Behind:
    """Who answers, notes and compresses."""

    model: str = "smollm2"
    """smollm2, a folder or a hub id of a chat model, an address that speaks as OpenAI's does, the
    folder of a run of `duotempo train sessions:memory`, or echo: no model, to try a client."""
    served: str | None = None
    """The name of the model at that address; the key is taken from OPENAI_API_KEY."""
    context: int | None = None
    """Tokens that it reads and writes at once; 8192 when left out."""
    language: str = "en"
    """Language of our prompts: en, or a folder with a translation of them."""


@Parameter(name="*", group=Group("Limits", sort_key=6))
@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How much is taken."""

    idle: Annotated[float, Parameter(validator=Number(gt=0))] = 900.0
    """Seconds of silence after which a session ends and is slept on."""
    rate: Annotated[float, Parameter(validator=Number(gt=0))] = 2.0
    """Requests a second and person in the long run."""
    burst: Positive = 20
    """Requests that a person may make at once."""
    replies: Positive = 64
    """Replies that may be under way at once."""
    body: Positive = 4_194_304
    """Bytes of a request."""


@Parameter(name="*", group=Group("Where, and for whom", sort_key=3))
@dataclass(frozen=True, kw_only=True)
class Place:
    """Where it listens and who may ask."""

    host: str = "127.0.0.1"
    """The address to listen at; others than this machine's need --tokens."""
    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8000
    """The port; 0 takes a free one."""
    tokens: Path | None = None
    """A file that only you may read: lines `TOKEN USER`, or a JSON object of the same."""


HERE, SMOLLM2, USUAL_SIZES, USUAL_BOUNDS = Place(), Behind(), Sizes(), Bounds()


def serve(
    *,
    store: str = "runs/chat/talks.db",
    place: Place = HERE,
    behind: Behind = SMOLLM2,
    sizes: Sizes = USUAL_SIZES,
    bounds: Bounds = USUAL_BOUNDS,
    common: Common = USUAL,
) -> None:
    """Give a chat program a memory: it asks this server in OpenAI's protocol; what is said is kept.

    A client changes its base URL and nothing else. Every turn is on disk before it is answered.
    When a session has been silent, its notes are taken and the memory is made anew, meanwhile.
    Under /v1/memory everybody sees, corrects and erases their own. Without tokens the server
    listens to this machine only, and `user` of a request says who speaks. Ctrl-C ends it.

        duotempo serve

        duotempo serve --model http://localhost:11434/v1 --served llama3.2

        duotempo serve --tokens tokens.txt --host 0.0.0.0 --store postgresql://duotempo@db/talks

    Parameters
    ----------
    store
        The database: a file (SQLite), the one of `duotempo chat` unless another is given, or
        postgresql://USER@HOST/NAME. One server for one database.
    """
    if common.json:
        raise UserError("a server has no JSON form: leave out --json")
    if place.tokens is None and place.host not in LOOPBACK:
        raise UserError(
            f"without tokens whoever reaches {place.host} is anybody: give --tokens FILE, or "
            "leave out --host"
        )
    uvicorn = _uvicorn()
    from duotempo.serve.running import run  # noqa: PLC0415 - after it is known to be there

    with _listening(place) as listening:
        app, close = opened(store, place, behind, sizes, bounds, common)
        try:
            sys.setswitchinterval(SWITCH)
            config = uvicorn.Config(app, log_level="warning", access_log=False)
            host, port = listening.getsockname()[:2]
            say(f"http://{f'[{host}]' if ':' in host else host}:{port}/v1  (Ctrl-C ends it)")
            run(config, listening)
        finally:
            close()


def opened(
    store: str, place: Place, behind: Behind, sizes: Sizes, bounds: Bounds, common: Common
) -> tuple[FastAPI, Callable[[], None]]:
    """The application, and how to let go of its model and its database."""
    from duotempo.archive.people import Conversations  # noqa: PLC0415 - help must not wait
    from duotempo.converse.invented import Invented, questions  # noqa: PLC0415
    from duotempo.converse.probes import cloze  # noqa: PLC0415
    from duotempo.converse.sleep import Settings  # noqa: PLC0415
    from duotempo.serve.app import application  # noqa: PLC0415
    from duotempo.serve.backend import found  # noqa: PLC0415
    from duotempo.serve.limits import Limits  # noqa: PLC0415
    from duotempo.serve.state import Serving  # noqa: PLC0415
    from duotempo.serve.tokens import Tokens  # noqa: PLC0415

    known = Tokens.read(place.tokens) if place.tokens else None
    limits = Limits(bounds.body, bounds.rate, bounds.burst, bounds.replies)
    if "://" not in store:
        Path(store).expanduser().parent.mkdir(parents=True, exist_ok=True)
        store = str(Path(store).expanduser())
    talks = Conversations(store)  # before a model is loaded: what is wrong with it shows at once
    try:
        with telling(common.quiet) as tell:
            backend = found(behind.model, behind.served, behind.language, tell, behind.context)
    except BaseException:
        talks.close()
        raise
    if backend.exclusive and common.threads:
        import torch  # noqa: PLC0415 - takes seconds

        torch.set_num_threads(common.threads)
    settings = Settings(every=sizes.every, budget=sizes.budget, seed=common.seed)
    prober = questions if isinstance(backend.model, Invented) else cloze
    name = behind.served or behind.model
    serving = Serving(name, backend.exclusive, bounds.idle, place.host, limits, settings, prober)

    def close() -> None:
        backend.close()
        talks.close()

    return application(talks, backend.model, serving, known), close


def _uvicorn() -> Any:
    """The web server, if all of the extra is there."""
    try:
        import fastapi  # noqa: F401, PLC0415 - an optional extra
        import uvicorn  # noqa: PLC0415
    except ImportError as error:
        raise UserError("serving needs an extra: pip install 'duotempo[serve]'") from error
    return uvicorn


def _listening(place: Place) -> socket.socket:
    """The port, taken. Raises `UserError`."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    try:
        return socket.create_server((place.host, place.port), family=family)
    except OSError as error:
        raise UserError(
            f"{place.host}:{place.port} cannot be listened at ({error.strerror}): give another "
            "--port"
        ) from error
