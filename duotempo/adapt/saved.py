"""A life on disk: JSON and safetensors, whole or not at all, resumed to the same next cycle."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from duotempo.adapt.cycle import Life
from duotempo.adapt.learn import Moments, Slow
from duotempo.adapt.prompts import Population, Prompt
from duotempo.adapt.tally import Tally
from duotempo.adapt.weights import Step
from duotempo.core import UserError, Verdict
from duotempo.core.state_folder import POINTER, Layout, read, write
from duotempo.models.tensor_files import read_tensors, write_tensors

LAYOUT = Layout("adapt", {"slow": ("slow", ".safetensors")})
WEIGHT, MOMENT = "weight:", "moment:"


Identity = Mapping[str, str]
"""Name of a setting -> what it was, as text."""


def save_life(folder: Path, life: Life, tally: Tally, identity: Identity) -> None:
    """Save a life after a cycle; `identity` says which run it belongs to. Raises `UserError`."""
    facts = {
        "identity": dict(identity),
        "cycle": life.cycle,
        "under": list(life.under),
        "made": life.population.made,
        "prompts": [asdict(prompt) for prompt in life.population.prompts],
        "gone": [asdict(prompt) for prompt in life.population.gone],
        "scores": [list(row) for row in life.population.scores],
        "steps": [asdict(step) for step in life.slow.steps],
        "tally": tally.plain(),
        "reason": life.verdict.reason if life.verdict else "",
    }
    tensors = _flat(life.slow)
    write(folder, LAYOUT, facts, {"slow": partial(write_tensors, tensors=tensors)})


def load_life(folder: Path, identity: Identity) -> tuple[Life, Tally] | None:
    """The life of a folder and its counts; None where nothing was saved yet.

    Raises `UserError` for a life of another run, or a folder that is not whole.
    """
    if not (folder / POINTER).exists():
        return None
    facts, files = read(folder, LAYOUT)
    try:
        if other := differences(facts["identity"], identity):
            raise UserError(
                f"{folder} holds the life of another run ({', '.join(other)}): give the same "
                "again, or another folder"
            )
        tensors = read_tensors(files["slow"])
        steps = tuple(Step(**step) for step in facts["steps"])
        slow = Slow(*_deep(tensors), steps)
        prompts, gone = (
            tuple(Prompt(**prompt) for prompt in facts[name]) for name in ("prompts", "gone")
        )
        scores = tuple(tuple(map(float, row)) for row in facts["scores"])
        population = Population(prompts, scores, int(facts["made"]), gone)
        under, cycle = tuple(map(str, facts["under"])), int(facts["cycle"])
        life = Life(slow, population, under, None, cycle, Verdict(None, str(facts["reason"])))
        return life, Tally.of(facts["tally"])
    except UserError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder} holds no life that can be read ({type(error).__name__}): copy it again or "
            "begin in another folder"
        ) from error


def _flat(slow: Slow) -> dict[str, Tensor]:
    weights = {WEIGHT + name: tensor for name, tensor in slow.weights.items()}
    moments = {
        f"{MOMENT}{number}:{name}": tensor
        for number, parts in slow.moments.items()
        for name, tensor in parts.items()
    }
    return weights | moments


def _deep(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Moments]:
    weights: dict[str, Tensor] = {}
    moments: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if key.startswith(WEIGHT):
            weights[key.removeprefix(WEIGHT)] = tensor
            continue
        number, _, name = key.removeprefix(MOMENT).partition(":")
        moments.setdefault(int(number), {})[name] = tensor
    return weights, moments


def identity_of(**parts: Any) -> dict[str, str]:
    """What two runs must share for one to go on from the other; settings are taken apart."""
    found: dict[str, str] = {}
    for name, value in parts.items():
        if is_dataclass(value):
            found |= identity_of(**{f.name: getattr(value, f.name) for f in fields(value)})
        else:
            found[name] = repr(value)
    return found


def differences(before: Identity, now: Identity) -> list[str]:
    """What differs, in words. Raises `AttributeError` for an identity that is none."""
    return [
        f"{name} was {before.get(name, 'not there')}, is {now.get(name, 'not there')}"
        for name in sorted(before.keys() | now.keys())
        if before.get(name) != now.get(name)
    ]
