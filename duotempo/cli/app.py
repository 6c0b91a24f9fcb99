"""The command `duotempo`: the table of commands, and the way out with the right exit code."""

import errno
import os
import sys
import traceback
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from duotempo import __version__
from duotempo.cli.adapt import adapt
from duotempo.cli.ask import ask
from duotempo.cli.chat import chat
from duotempo.cli.console import say
from duotempo.cli.demo import demo
from duotempo.cli.flow import diff, flow
from duotempo.cli.generate import generate
from duotempo.cli.latent import latent
from duotempo.cli.mcp import mcp
from duotempo.cli.read import read
from duotempo.cli.recall import recall
from duotempo.cli.score import score
from duotempo.cli.serve import serve
from duotempo.cli.study import study, verify
from duotempo.cli.train import train
from duotempo.core import UserError

DONE, UNEXPECTED, MISTAKE, INTERRUPTED = 0, 1, 2, 130

app = App(
    name="duotempo",
    help="Language models with two tempos: read past the window, sleep on it, go on.",
    version=__version__,
    help_format="markdown",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
    exit_on_error=False,
    print_error=False,
)
for place, command in enumerate(
    (demo, read, ask, chat, serve, mcp, recall, generate, score, train, adapt, flow, study)
):
    entry = App(name=command.__name__, sort_key=place)
    entry.default(command)
    app.command(entry)

app.command(latent)
published = App(name="verify")
published.default(verify)
app["study"].command(published)
compared = App(name="diff")
compared.default(diff)
app["flow"].command(compared)


def run(argv: Sequence[str]) -> int:
    """Run one command line; returns 0, 1 (unexpected), 2 (a mistake to mend) or 130 (Ctrl-C)."""
    try:
        app(list(argv))
        sys.stdout.flush()
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has seen enough, as in `duotempo ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:  # noqa: BLE001 - the last door: a person gets a sentence
        if "--debug" in argv:
            traceback.print_exception(error)
        sentence, code = verdict(error)
        say(f"error: {sentence}")
        return code
    return DONE


def verdict(error: Exception) -> tuple[str, int]:
    """What to tell a person about `error`, and the exit code."""
    if isinstance(error, UserError):
        return str(error), MISTAKE
    if isinstance(error, CycloptsError):
        return f"{error} See `duotempo --help`.", MISTAKE
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return "the disk is full: free some space, or write to another disk", MISTAKE
    if isinstance(error, (FileNotFoundError, IsADirectoryError, PermissionError)):
        return f"{error.filename}: {error.strerror}; give another path", MISTAKE
    what = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {what}; this is a bug: run again with --debug", UNEXPECTED


def main() -> None:
    """The entry point of the installed command."""
    sys.exit(run(sys.argv[1:]))
