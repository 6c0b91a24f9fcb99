"""`duotempo chat`: talk with a model that remembers, and see, correct and erase what it does."""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter
from cyclopts.validators import Number

from duotempo.cli.common import USUAL, Common
from duotempo.cli.console import console, say, show_text, telling
from duotempo.core import UserError

if TYPE_CHECKING:
    from duotempo.converse.conversation import Conversation
else:
    Conversation = Any  # a database and torch take seconds to import: help must not wait

HELP = """\
/memory        what is remembered, sentence by sentence
/why N         the turns that sentence N rests on
/history       every version of the memory, and why it was kept or refused
/rollback N    let version N stand again
/forget N      forget turn N, and all that was made of it
/forget session N, /forget all
/sleep         end this session and consolidate now
/export        all that is kept, as Markdown
/bye           end; Ctrl-D does the same"""

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""Signs that command a terminal; ends of lines and tabs are none."""


@Parameter(name="*", group=Group("The model", sort_key=4))
@dataclass(frozen=True, kw_only=True)
class Talker:
    """Who answers, notes and compresses."""

    model: str = "smollm2"
    """smollm2, a folder or a hub id of a chat model, an address that speaks as OpenAI's does, or
    the folder of a run of `duotempo train sessions:memory`."""
    served: str | None = None
    """The name of the model at that address; the key is taken from OPENAI_API_KEY."""
    context: int | None = None
    """Tokens that it reads and writes at once; 8192 when left out."""
    language: str = "en"
    """Language of our prompts: en, or a folder with a translation of them."""


@Parameter(name="*", group=Group("The memory", sort_key=5))
@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How large, how often."""

    budget: Annotated[int, Parameter(validator=Number(gte=20))] = 400
    """Tokens of the memory."""
    every: Annotated[int, Parameter(validator=Number(gte=1))] = 1
    """Sessions between two consolidations."""


SMOLLM2, USUAL_SIZES = Talker(), Sizes()


def chat(
    *,
    user: str = "me",
    store: str = "runs/chat/talks.db",
    talker: Talker = SMOLLM2,
    sizes: Sizes = USUAL_SIZES,
    common: Common = USUAL,
) -> None:
    """Talk with a model that remembers across runs. Lines that begin with / are commands.

    Every turn is kept before it is answered. When a session ends its notes are taken and the memory
    is made anew from all notes; a guard asks questions about what was said and keeps the old memory
    if the new one answers worse. As long as there is no memory, earlier turns are looked up by
    their words.

        duotempo chat

        duotempo chat --model http://localhost:11434/v1 --served llama3.2 --user ana

        echo "What is my name?" | duotempo chat --user ana

    Parameters
    ----------
    user
        Whose conversations: others are not to be seen from here.
    store
        The database: a file (SQLite), or postgresql://USER@HOST/NAME.
    """
    talk, close = opened(user, store, talker, sizes, common)
    try:
        if common.json:
            raise UserError("a conversation has no JSON form: leave out --json")
        if talk.pending():
            slept(talk, common.quiet)
        for line in lines():
            if not answered(talk, line, common.quiet):
                break
        talk.end()
        slept(talk, common.quiet)
    finally:
        close()


def opened(
    user: str, store: str, talker: Talker, sizes: Sizes, common: Common
) -> tuple[Conversation, Callable[[], None]]:
    """The conversation, and how to let go of its database."""
    import torch  # noqa: PLC0415 - takes seconds

    from duotempo.archive.people import Conversations  # noqa: PLC0415
    from duotempo.converse.conversation import Conversation  # noqa: PLC0415
    from duotempo.converse.invented import Invented, questions  # noqa: PLC0415
    from duotempo.converse.probes import cloze  # noqa: PLC0415
    from duotempo.converse.sleep import Settings  # noqa: PLC0415
    from duotempo.reader.memory_models import memory_model  # noqa: PLC0415

    if common.threads:
        torch.set_num_threads(common.threads)
    if "://" not in store:
        Path(store).expanduser().parent.mkdir(parents=True, exist_ok=True)
        store = str(Path(store).expanduser())
    with telling(common.quiet) as tell:
        found = memory_model(talker.model, talker.served, talker.language, tell, talker.context)
    talks = Conversations(store)
    settings = Settings(every=sizes.every, budget=sizes.budget, seed=common.seed)
    prober = questions if isinstance(found, Invented) else cloze
    return Conversation(talks.of(user), found, settings, prober), talks.close


def lines() -> Iterator[str]:
    """What the user writes, a line at a time, to its end."""
    asked = sys.stdin.isatty()
    while True:
        if asked:
            console.print("you  ", end="")
        line = sys.stdin.readline()
        if not line:
            return
        if line.strip():
            yield line.strip()


def answered(talk: Conversation, line: str, quiet: bool) -> bool:
    """Answer a line, or do what it commands; False: it was the last."""
    if not line.startswith("/"):
        try:
            show_text(plain(talk.say(line)))
        except UserError as error:
            if not sys.stdin.isatty():
                raise
            say(str(error))  # the turn is kept; who talks may go on
        return True
    name, _, rest = line[1:].partition(" ")
    if name == "bye":
        return False
    if name == "sleep":
        talk.end()
        slept(talk, quiet, now=True)
        return True
    try:
        show_text(plain(commanded(talk, name, rest.strip())))
    except UserError as error:
        say(str(error))
    return True


def plain(text: str) -> str:
    """A text without signs that would command the terminal."""
    return CONTROL.sub("\ufffd", text)


def commanded(talk: Conversation, name: str, rest: str) -> str:
    """What a command says. Raises `UserError`."""
    from duotempo.archive.export import markdown  # noqa: PLC0415 - loads a database
    from duotempo.serve import verbs  # noqa: PLC0415 - loads a database

    match name, rest.split():
        case "memory", _:
            return verbs.memory(talk)
        case "why", [number]:
            return verbs.why(talk, numbered(number))
        case "history", _:
            return verbs.history(talk)
        case "rollback", [number]:
            return verbs.roll_back(talk, numbered(number))
        case "forget", ["all"]:
            return verbs.forget_all(talk)
        case "forget", ["session", number]:
            return verbs.forget_session(talk, numbered(number))
        case "forget", [number]:
            return verbs.forget_turn(talk, numbered(number))
        case "export", _:
            return markdown(talk.person)
    return HELP


def slept(talk: Conversation, quiet: bool, now: bool = False) -> None:
    """Consolidate what is pending, with progress, and say what came of it."""
    from duotempo.serve import verbs  # noqa: PLC0415 - loads a database

    with telling(quiet) as tell:
        made = verbs.sleep(talk, now, tell)
    if made:
        say(made)


def numbered(text: str) -> int:
    """A number. Raises `UserError`."""
    if not text.isdecimal():
        raise UserError("this command needs a number: /help")
    return int(text)
