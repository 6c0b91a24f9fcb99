"""Replies that agree with a memory, beside such as contradict it: what preferences learn from."""

from random import Random

from duotempo.tasks.batch import Batch
from duotempo.tasks.seeds import seeded
from duotempo.tasks.sessions import Slot
from duotempo.tasks.sessions_forms import END, asking, known_in, oracle, told
from duotempo.tasks.sessions_rows import Sessions, padded
from duotempo.tasks.sessions_words import ATTRIBUTES, BEFORE, UNKNOWN

APART = 1 << 21
"""Batches of pairs are drawn apart from those of the supervised training."""


def contradicted(seed: int, index: int, rows: int = 16) -> tuple[Batch, Batch]:
    """So many questions with what memory says, and the same with what it does not say: another
    value, the one before instead of the one now, that nothing was told, or an invention."""
    random = seeded(seed, APART + index)
    task, found = Sessions(("reply",)), []
    while len(found) < rows:
        prompt = task.prompt("reply", random)
        right = oracle(prompt)
        if (wrong := contradiction(prompt, right, random)) is not None:
            found.append((prompt, right, wrong))
    return (
        padded([(prompt, right) for prompt, right, _ in found]),
        padded([(prompt, wrong) for prompt, _, wrong in found]),
    )


def contradiction(prompt: str, right: str, random: Random) -> str | None:
    """A reply in the right form that the memory contradicts; None where nothing was asked."""
    context, _, session = prompt.removeprefix("reply :").rpartition("|")
    question = session.rpartition("user ")[2].removesuffix("=>").strip()
    if question not in asking():
        return None
    slot, before = asking()[question]
    said = right.removesuffix(f" . {END}")
    values = [v for v in ATTRIBUTES[slot.attribute].values if v not in said.split()]
    if said == UNKNOWN:
        return f"{_reply(slot, before, random.choice(values))} . {END}"
    known = told(list(known_in(context.strip()))).get(slot)
    likely = {fact.value for fact in (known.now, known.before) if fact} if known else set()
    rival = sorted(likely & set(values))
    kind = random.random()
    if kind < 0.3:
        return f"{UNKNOWN} . {END}"
    value = rival[0] if rival and kind < 0.7 else random.choice(values)
    return f"{_reply(slot, before, value)} . {END}"


def _reply(slot: Slot, before: bool, value: str) -> str:
    return BEFORE.format(v=value) if before else slot.said(value)
