"""What the command line names: a policy, a reflector, a broad mixture, earlier tasks."""

from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from duotempo.adapt.policy import Asked, Policy
from duotempo.adapt.prompts import Reflector
from duotempo.adapt.store import PromptStore
from duotempo.adapt.task_file import Found, find_task
from duotempo.converse.endpoint import Endpoint
from duotempo.core import Tell, UserError
from duotempo.models.native_folder import native_folder
from duotempo.tasks.rulebook import RuleTask
from duotempo.tasks.rulebook_words import OPERATIONS
from duotempo.tasks.verifiable import Problem

PLAIN = "You are a helpful assistant."
GENERAL = (
    "What is the capital of France?",
    "Name three fruits.",
    "Write one sentence about the sea.",
    "What do bees make?",
    "Translate 'good morning' into Spanish.",
    "How many days are in a week?",
    "Give a synonym for happy.",
    "What colour is the sky on a clear day?",
    "Why do people sleep?",
    "Finish the sentence: The old man opened the door and",
    "Is a whale a fish?",
    "Which is larger, 17 or 71?",
    "Explain in a sentence what a bank does.",
    "Who wrote Hamlet?",
    "Write a short greeting for a birthday card.",
    "What is the opposite of cold?",
)
"""Questions that a chat model is asked beside its task: does it still answer as before?"""


def policy_of(model: str, rank: int, longest: int | None, seed: int, tell: Tell) -> Policy:
    """The policy of a native model's folder or run, or of a chat model: a known name, a folder, a
    hub id. `rank` 0: all weights of a chat model may move. Raises `UserError`."""
    if (folder := native_folder(model)) is not None:
        from duotempo.adapt.native import WordPolicy  # noqa: PLC0415 - one of two tiers
        from duotempo.models.saved import load_model  # noqa: PLC0415 - one of two tiers

        return WordPolicy(load_model(folder))
    from duotempo.adapt.chat_folder import loaded  # noqa: PLC0415 - imports transformers

    return loaded(model, rank=rank or None, longest=longest or 24, seed=seed, tell=tell)


def reflector_of(name: str, model: str | None, policy: Policy, task: Any) -> Reflector:
    """Who edits prompts. `auto`: what suits the policy and the task; a URL: an endpoint that speaks
    as OpenAI's does, asked for `model`. Raises `UserError` for one that cannot edit here."""
    if _of_words(policy):
        return _of_rulebook(name, policy)
    hints = getattr(task, "hints", ())
    if name == "auto":
        name = "lines" if hints else "self"
    if name == "lines":
        return _lines(hints)
    from duotempo.adapt.talk import Local, Talk, by_gepa  # noqa: PLC0415 - one tier's

    if name.startswith(("http://", "https://")):
        if model is None:
            raise UserError("an endpoint needs a model's name: add --reflector-model NAME")
        return Talk(Endpoint(name, model))
    if name in ("self", "gepa"):
        own = Local(policy)  # pyrefly: ignore[bad-argument-type] - a chat policy, see above
        return Talk(own) if name == "self" else by_gepa(own)
    raise UserError(
        f"reflector {name!r} cannot edit prompts of a chat model: use auto, self, gepa, lines (for "
        "a task with hints) or the address of an endpoint"
    )


def broad_of(policy: Policy, count: int = 64) -> list[Asked]:
    """What the model could do before, the same for every run: rules by name, or questions."""
    if not _of_words(policy):
        return [Asked(PLAIN, Problem(text)) for text in GENERAL]
    return rules_by_name(count)


def rules_by_name(count: int) -> list[Asked]:
    """Rules of one to three operations, each asked by its name once."""
    random, found = Random(0), []
    for number in range(count):
        many = random.choice((1, 2, 3))
        rule = RuleTask("+".join(random.choice(OPERATIONS) for _ in range(many)))
        found.append(Asked(rule.named, rule.problems("test", number)[0]))
    return found


def earlier(store: PromptStore, files: Sequence[str] = ()) -> tuple[Found, ...]:
    """Those tasks of a store that can be found by their names, and those in `files`: what stands in
    a store, which may be a stranger's, is never run. Raises `UserError` for a file that is none."""
    found = [find_task(name) for name in files]
    for name in store.prompts:
        if name.endswith(".py"):
            continue
        with suppress(UserError):
            found.append(find_task(name))
    return tuple(found)


def _of_words(policy: Policy) -> bool:
    from duotempo.adapt.native import WordPolicy  # noqa: PLC0415 - one of two tiers

    return isinstance(policy, WordPolicy)


def _of_rulebook(name: str, policy: Any) -> Reflector:
    from duotempo.adapt.reflectors import Expert, Itself  # noqa: PLC0415 - one of two tiers

    known: dict[str, Reflector] = {
        "auto": Expert(),
        "expert": Expert(),
        "self": Itself(policy),
        "chance": Itself(policy, chance=1.0, name="chance"),
    }
    if name not in known:
        raise UserError(
            f"reflector {name!r} cannot edit the rulebook's prompts: use one of {', '.join(known)}"
        )
    return known[name]


def _lines(hints: Sequence[str]) -> Reflector:
    from duotempo.adapt.lines import Lines  # noqa: PLC0415 - one tier's

    if not hints:
        raise UserError("this task has no `hints`: give it some, or use --reflector self")
    return Lines(hints)
