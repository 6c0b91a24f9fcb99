"""`duotempo read`: read a text past the window, sleep on it, ask, save."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, fields
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from duotempo.cli.ask import answer_facts, answer_text
from duotempo.cli.common import USUAL, Common, File
from duotempo.cli.console import say, show_json, show_text, table, telling
from duotempo.cli.living import (
    AnyReader,
    Opening,
    is_native,
    load_reader,
    open_reader,
    source,
)
from duotempo.core import Tell, UserError, Verdict
from duotempo.core.state_folder import NATIVE
from duotempo.tasks.text import STDIN

NEW = Opening()
NATIVES = ("--sleep-passes", "--choose-passes")
"""Options that only a native model has."""


def read(
    file: File,
    /,
    *,
    ask: Annotated[list[str] | None, Parameter(negative="")] = None,
    save: Path | None = None,
    resume: Path | None = None,
    passes: int | None = None,
    opening: Opening = NEW,
    common: Common = USUAL,
) -> None:
    """Read a text longer than the model's window, and sleep on what falls out of it.

    The guard keeps as many passes of sleep as the text still in the window speaks for, and none
    if sleep would hurt. A native model writes into its memory as it reads, in the same memory
    however long the text is; one that was trained to sleep goes over each full window in passes.
    Ctrl-C saves what was read so far, says where, and leaves with code 130.

        duotempo read diary.txt --save diary.state --ask "What is the name of the dog?"

        duotempo read next.txt --resume diary.state --save diary.state

        journalctl | duotempo read - --every 4096

        duotempo read book.txt --model runs/passkey --ask "The pass key is"

        duotempo read book.txt --model runs/sleep-text --sleep-passes 4 --choose-passes

    Parameters
    ----------
    file
        The text to read; `-` reads standard input as it comes.
    ask
        A question to answer after reading; may be given more than once.
    save
        Folder to save the state in.
    resume
        Folder of a saved state to go on from.
    passes
        At most so many passes of sleep; 0: no sleep; left out: as many as the guard allows.
    """
    check(passes, resume, opening)
    check_native(passes, resume, opening, common)
    with telling(common.quiet) as tell:
        reader = opened(passes, resume, opening, common, tell)
        with rescuing(reader, save):
            reading = reader.read(source(file), name="standard input" if file == STDIN else None)
            verdict = None if passes == 0 or reader.idle else reader.sleep(passes)
            check_slept(reader.summary(), opening)
        if save is not None:
            reader.save(save)
        answers = [(question, reader.ask(question)) for question in ask or ()]
    facts = {
        "read": asdict(reading),
        "slept": verdict_facts(verdict) if verdict else None,
        "answers": [answer_facts(*each) for each in answers],
        "state": reader.summary(),
        "saved": str(save) if save else None,
    }
    show(facts, common)


def show(facts: dict[str, Any], common: Common) -> None:
    """What happened, for machines or for people."""
    if common.json:
        show_json(facts)
    else:
        show_text(as_text(facts))


def check(passes: int | None, resume: Path | None, opening: Opening) -> None:
    """Refuse options that cannot mean anything, before the model is loaded."""
    if passes is not None and passes < 0:
        raise UserError(
            f"--passes {passes}: give 0 or more, or leave it out to let the guard choose"
        )
    if opening.sleep_passes is not None and opening.sleep_passes < 1:
        raise UserError(
            f"--sleep-passes {opening.sleep_passes}: give at least 1, which is reading alone; "
            "sleep begins with 2"
        )
    if resume is not None and opening != NEW:
        raise UserError(
            f"{resume} keeps the model, window and fast channel it was made with: "
            f"leave out {', '.join(changed(opening))} when resuming"
        )


def check_native(passes: int | None, resume: Path | None, opening: Opening, common: Common) -> None:
    """Refuse options that mean nothing to the model that will read: a native one, or another."""
    given = changed(opening)
    if not is_native(opening, resume):
        if wrong := [name for name in given if name in NATIVES]:
            raise UserError(
                f"{', '.join(wrong)}: only a native model sleeps so; use --passes with this one"
            )
        return
    given = [name for name in given if name not in ("--model", *NATIVES)]
    given += ["--passes"] if passes is not None else []
    given += ["--seed"] if common.seed else []
    if given:
        raise UserError(
            f"a native model reads without a choice of window, fast channel or chance, and sleeps "
            f"by --sleep-passes: leave out {', '.join(given)}"
        )


def changed(opening: Opening) -> list[str]:
    """The options that differ from a new reader's."""
    named = {f"--{f.name.replace('_', '-')}": f.name for f in fields(Opening)}
    return [o for o, name in named.items() if getattr(opening, name) != getattr(NEW, name)]


def check_slept(state: dict[str, Any], opening: Opening) -> None:
    """Refuse a sleep that was asked for and had nothing to do: the text fits into the window."""
    sleep = state.get("sleep")
    asked = {"--sleep-passes": opening.sleep_passes, "--choose-passes": opening.choose_passes}
    given = [option for option, value in asked.items() if value]
    if sleep and given and not sleep["windows"]:
        raise UserError(
            f"{state['tokens_read']:,} bytes fit into the window of {sleep['window']:,}, so "
            f"nothing was evicted and slept on: read a longer text, or leave out {', '.join(given)}"
        )


def opened(
    passes: int | None, resume: Path | None, opening: Opening, common: Common, tell: Tell
) -> AnyReader:
    """The reader that was saved, or a new one."""
    if resume is not None:
        return load_reader(resume, common, tell)
    return open_reader(opening, passes, common, tell)


@contextmanager
def rescuing(reader: AnyReader, save: Path | None) -> Iterator[None]:
    """Save what was read when Ctrl-C ends the block, or a refusal when a folder was named.

    A refusal before anything was read leaves that folder as it was.
    """
    before = reader.summary()["tokens_read"]
    try:
        yield
    except KeyboardInterrupt:
        rescue(reader, save)
        raise
    except UserError:
        if save is not None and reader.summary()["tokens_read"] > before:
            rescue(reader, save)
        raise


def rescue(reader: AnyReader, save: Path | None) -> None:
    """Save the state so far, in `save` or a new folder here, and say where."""
    folder = save or Path(f"duotempo-interrupted-{time.strftime('%Y%m%d-%H%M%S')}")
    reader.save(folder)
    say(f"what was read is saved: go on with `duotempo read FILE --resume {folder}`")


def verdict_facts(verdict: Verdict) -> dict[str, Any]:
    """What the guard decided, for machines."""
    trials = [asdict(trial) for trial in verdict.trials]
    return {"passes": verdict.passes, "reason": verdict.reason, "trials": trials}


def as_text(facts: dict[str, Any]) -> str:
    """What happened, for people."""
    read, state = facts["read"], facts["state"]
    answers = ["\n" + answer_text(answer) for answer in facts["answers"]]
    saved = {"saved": facts["saved"] or "nowhere: name a folder with --save to keep it"}
    if state.get("kind") == NATIVE:
        return "\n".join([table(native_lines(read, state) | saved), *answers])
    lines = {
        "read": f"{read['tokens']:,} tokens in {read['seconds']:.1f} s",
        "slept": facts["slept"]["reason"] if facts["slept"] else state["verdict"],
        "state": f"{state['fast']}, {state['state_bytes'] / 1e6:.2f} MB, of {state['model']} "
        f"with a window of {state['window']} tokens",
    }
    return "\n".join([table(lines | saved), *answers])


def nights_text(sleep: dict[str, Any]) -> str:
    """How a native model slept."""
    windows = sleep["windows"]
    every = f"windows of {sleep['window']:,} bytes"
    if not windows:
        return f"not yet: nothing has left its {every}"
    told = ", ".join(f"{n} pass{'es' * (n != '1')} on {many:,}" for n, many in windows.items())
    return f"{every}, {told}{', chosen on the end of each' if sleep['chosen'] else ''}"


def native_lines(read: dict[str, Any], state: dict[str, Any]) -> dict[str, str]:
    """What a native model did."""
    speed = state["tokens_per_second"]
    slept = {"slept": nights_text(state["sleep"])} if state["sleep"] else {}
    return {
        "read": f"{read['tokens']:,} bytes in {read['seconds']:.1f} s, {speed:,.0f} a second",
        **slept,
        "state": f"{state['state_bytes'] / 1e6:.2f} MB, of {state['model']}, "
        f"after {state['tokens_read']:,} bytes",
        "memory": f"{state['peak_bytes'] / 1e6:,.0f} MB at the peak",
    }
