"""Who edits prompts by talking: the frozen base itself, or a model at an address."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol, runtime_checkable

from duotempo.adapt.chat import ChatPolicy
from duotempo.adapt.prompts import Trial
from duotempo.core import UserError

READ = 4
"""Failures that a reflector reads."""
LONGEST = 1200
"""Characters of the longest prompt that is taken; a longer one is an essay, not an instruction."""
FENCED = re.compile(r"```[^\n`]*\n(.*?)```", re.DOTALL)
QUOTED = re.compile(r'"([^"\n]+)"')

ASK = """An assistant works under this instruction:
```
{prompt}
```
It failed at these:

{failures}

Write a better instruction. Keep what is good, change or add one sentence or two. Say what every \
answer must look like; do not speak of these examples alone. Give the whole new instruction \
between ``` marks and nothing after it."""


@runtime_checkable
class Speaker(Protocol):
    """Answers a text with a text; the seed decides the draws of one that can be told."""

    def __call__(self, text: str, seed: int, /) -> str: ...


@dataclass(frozen=True)
class Local:
    """The policy's own base, as it was before any step: needs no network and no other model."""

    policy: ChatPolicy
    longest: int = 96
    temperature: float = 0.7

    def __call__(self, text: str, seed: int) -> str:
        """What the base says, in at most `longest` tokens."""
        return self.policy.speak(
            text, longest=self.longest, temperature=self.temperature, seed=seed
        )


def asked(prompt: str, failures: Sequence[Trial]) -> str:
    """The request for a better instruction."""
    shown = "\n\n".join(
        f"Input: {t.problem.text}\nIts answer: {t.answer}\nFeedback: {t.score.feedback}"
        for t in failures
    )
    return ASK.format(prompt=prompt, failures=shown)


def instruction(said: str) -> str | None:
    """The last block between fences, else the one text in double quotes; else None."""
    if blocks := FENCED.findall(said):
        return str(blocks[-1])
    quotes = QUOTED.findall(said)
    return str(quotes[0]) if len(quotes) == 1 else None


@dataclass(frozen=True)
class Talk:
    """Shows a speaker the prompt and up to four failures, and takes the instruction it gives.

    `ask` writes what the speaker reads, `read` finds the instruction in what it says (None: there
    is none). A text that is empty or over 1200 characters is no prompt.
    """

    speaker: Speaker
    ask: Callable[[str, Sequence[Trial]], str] = asked
    read: Callable[[str], str | None] = instruction
    name: str = "talk"

    def __call__(self, prompt: str, trials: Sequence[Trial], random: Random) -> str | None:
        """A new instruction, or None where nothing failed or none was given."""
        failures = [t for t in trials if t.score.value < 1][:READ]
        if not failures:
            return None
        said = self.speaker(self.ask(prompt, failures), random.getrandbits(31))
        text = (self.read(said) or "").strip()
        return text if 0 < len(text) <= LONGEST else None


def by_gepa(speaker: Speaker) -> Talk:
    """A reflector that asks and reads as GEPA does: longer instructions, all facts of the task.

    Raises `UserError` without gepa.
    """
    try:
        from gepa.strategies.instruction_proposal import (  # noqa: PLC0415 - an optional extra
            InstructionProposalSignature as Proposal,
        )
    except ImportError as error:
        raise UserError(
            'this reflector needs gepa: run `pip install "duotempo[adapt]"`, or use Talk(speaker)'
        ) from error

    def ask(prompt: str, failures: Sequence[Trial]) -> str:
        shown = [
            {"Input": t.problem.text, "Answer": t.answer, "Feedback": t.score.feedback}
            for t in failures
        ]
        values = {"current_instruction_doc": prompt, "dataset_with_feedback": shown}
        return str(Proposal.prompt_renderer(values))

    def read(said: str) -> str | None:
        return Proposal.output_extractor(said)["new_instruction"]

    return Talk(speaker, ask, read, "gepa")
