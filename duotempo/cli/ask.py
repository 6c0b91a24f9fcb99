"""`duotempo ask`: answer a question from what was read, and show the sentences it was read in."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from cyclopts.validators import Number

from duotempo.cli.common import USUAL, Common
from duotempo.cli.console import show_json, show_text, telling
from duotempo.cli.living import load_reader
from duotempo.core import UserError
from duotempo.core.state_folder import NATIVE, kind_of

if TYPE_CHECKING:
    from duotempo.reader import Answer
else:
    Answer = Any


def ask(
    state: Path,
    question: str,
    /,
    *,
    sentences: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    tokens: Annotated[int, Parameter(validator=Number(gte=1))] = 48,
    common: Common = USUAL,
) -> None:
    """Answer a question by looking up sentences of the text that was read.

    The sentences are read with the fast state off: a fast state goes on in a text's vein, the
    kept text answers questions about it. The sentences are shown under the answer. A native
    model keeps no text: it ends the sentence that the question begins, from a copy of its state.

        duotempo ask diary.state "What is the name of the dog?"

        duotempo ask needle.state "The pass key is"

    Parameters
    ----------
    state
        Folder of a saved state.
    question
        The question, in quotes.
    sentences
        How many sentences to look up; 4 when left out.
    tokens
        The most tokens of the answer; a native model's are bytes, and it stops at a full stop or
        the end of a line.
    """
    if sentences is not None and kind_of(state) == NATIVE:
        raise UserError("a native model keeps no text to look up: leave out --sentences")
    more = {} if sentences is None else {"sentences": sentences}
    with telling(common.quiet) as tell:
        answer = load_reader(state, common, tell).ask(question, tokens=tokens, **more)
    facts = answer_facts(question, answer)
    if common.json:
        show_json(facts)
    else:
        show_text(answer_text(facts))


def answer_facts(question: str, answer: Answer | str) -> dict[str, Any]:
    """A question, its answer and the sentences it rests on, if it does on any, for machines."""
    if isinstance(answer, str):
        return {"question": question, "answer": answer}
    sentences = [
        {"source": found.source, "start": found.start, "end": found.end, "text": found.line}
        for found in answer.sentences
    ]
    return {"question": question, "answer": answer.text, "sentences": sentences}


def answer_text(facts: dict[str, Any]) -> str:
    """A question, its answer and the sentences it rests on, for people."""
    if "sentences" not in facts:
        return f"Q  {facts['question']}\nA  {facts['answer']}"
    if not facts["sentences"]:
        return f"Q  {facts['question']}\nA  nothing that was read speaks of this"
    found = [f"    {sentence['text']}" for sentence in facts["sentences"]]
    heading = "  from these sentences:"
    return "\n".join([f"Q  {facts['question']}", f"A  {facts['answer']}", heading, *found])
