"""A run on disk: live, measure after every cycle, save, go on after a kill."""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from duotempo.adapt.cycle import BY_COUNT, Life, Plan, Settings, adapted
from duotempo.adapt.measures import Drift, drifted, graded, worth
from duotempo.adapt.probes import Earlier, retention
from duotempo.adapt.prompts import name
from duotempo.adapt.saved import identity_of, load_life, save_life
from duotempo.adapt.store import PromptStore
from duotempo.adapt.task_file import Found
from duotempo.adapt.world import World
from duotempo.core.files import write_text
from duotempo.models.tensor_files import add_weights
from duotempo.tasks.verifiable import Problem, some

LIFE, LOG, MODEL, TREE = "life", "log.jsonl", "model", "tree.json"
Row = dict[str, Any]
Shown = Callable[[Row], None]


@dataclass(frozen=True)
class Look:
    """What a run is judged by: how many problems of the test; the store of earlier runs of this
    model, and those of its tasks that are at hand to be tested again."""

    problems: int = 64
    earlier: tuple[Found, ...] = ()
    store: PromptStore = PromptStore()  # noqa: RUF009 - frozen


@dataclass(frozen=True)
class Adapted:
    """A finished run: its folder, its rows, the prompts that are stored beside the model, and all
    prompts that ever joined the population, by number, the living marked."""

    folder: Path
    rows: Sequence[Row]
    store: PromptStore
    tree: Sequence[Row]
    retention: Mapping[str, tuple[float, float]]

    @property
    def last(self) -> Row:
        """The row of the last cycle."""
        return self.rows[-1]


def adapt(
    found: Found,
    world: World,
    plan: Plan,
    settings: Settings,
    folder: Path,
    *,
    look: Look = Look(),
    shown: Shown = lambda row: None,
) -> Adapted:
    """Adapt a policy to a task in `folder`, or go on from the last whole cycle there.

    Writes `log.jsonl` (a row a cycle, the first one before any), the life, and in the end the
    model, `prompts.json` and `tree.json`. `shown` is given each row. Raises
    `UserError`; whatever ends a run, its last cycle is on disk.
    """
    who = identity(found, world, plan, settings, look)
    saved = load_life(folder / LIFE, who)
    life = None
    if saved is not None:
        life, tally = saved
        vars(world.tally).update(tally.plain())
        world.policy.put(life.slow.weights)
    rows = rows_of(folder, life.cycle) if life else []
    for row in rows:
        shown(row)
    if not rows:
        rows.append(note(found, world, None, look))
        keep(folder, rows, shown)
    done = life
    for done in adapted(world, plan, settings, life) if going(life, plan) else ():
        rows.append(note(found, world, done, look, rows[-1]["offered"]))
        keep(folder, rows, shown)
        save_life(folder / LIFE, done, world.tally, who)
    assert done is not None
    return finished(found, world, done, folder, rows, look)


def going(life: Life | None, plan: Plan) -> bool:
    """Whether there are cycles left."""
    return life is None or life.cycle < plan.cycles


def identity(
    found: Found, world: World, plan: Plan, settings: Settings, look: Look
) -> dict[str, str]:
    """What makes a run this run; a finished one may be asked for more cycles where it can."""
    who = identity_of(
        task=found.mark,
        model=fingerprint(world),
        reflector=name(world.reflector),
        reuse=world.kept is not None,
        test=look.problems,
        plan=plan,
        settings=settings,
    )
    if settings.method not in BY_COUNT:
        del who["cycles"]
    return who


def fingerprint(world: World) -> str:
    """A mark of the model that a run begins with: of all its weights, if it shows them."""
    model = getattr(world.policy, "model", None)
    digest = sha256()
    add_weights(digest, world.policy.taken() if model is None else model.state_dict())
    return digest.hexdigest()[:16]


def rows_of(folder: Path, cycle: int) -> list[Row]:
    """The rows up to a cycle: one that was measured and not saved is measured again."""
    path = folder / LOG
    if not path.is_file():
        return []
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [row for row in rows if row["cycle"] <= max(cycle, 0)]


def keep(folder: Path, rows: Sequence[Row], shown: Shown) -> None:
    """Write all rows, whole or not at all, and show the last."""
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_text(folder / LOG, lines)
    shown(rows[-1])


def note(found: Found, world: World, life: Life | None, look: Look, before: int = 0) -> Row:
    """What a cycle brought, after `before` steps; None: what there is before the first."""
    task, tally = found.task, world.tally
    prompt = task.seed_prompt if life is None else life.population.best.text
    with world.clock("measuring"):
        problems = some(task, "test", 0, look.problems)
        both = dict.fromkeys((prompt, task.seed_prompt))
        scores = {text: tested(world, text, problems) for text in both}
        drift = Drift(0.0, 0.0, 0.0)
        if life is not None:
            texts = (prompt, task.seed_prompt)
            drift = drifted(world.policy, texts, problems, world.broad)
    made = life.slow.steps if life else ()
    latest = [step.reward for step in made[before:]]
    return {
        "cycle": life.cycle if life else 0,
        "steps": sum(step.moved for step in made),
        "offered": len(made),
        "rollouts": {"fast": tally.fast_rollouts, "slow": tally.slow_rollouts},
        "reused": tally.reused,
        "faults": tally.faults,
        "fault": tally.fault,
        "reward": sum(latest) / len(latest) if latest else None,
        "test": scores[prompt],
        "seed_test": scores[task.seed_prompt],
        "kl": asdict(drift),
        "prompt": prompt,
        "prompts": len(life.population.prompts) if life else 1,
        "under": len(life.under) if life else 1,
        "verdict": life.verdict.reason if life and life.verdict else "",
        "seconds": {part: round(seconds, 3) for part, seconds in world.clock.seconds.items()},
    }


def tested(world: World, prompt: str, problems: Sequence[Problem]) -> float:
    """The mean score of a prompt on the test; answers that could not be judged are counted."""
    grades = graded(world.policy, world.task, prompt, problems)
    world.tally.tested(grades)
    return sum(grades.values) / len(grades.values) if grades.values else 0.0


def finished(
    found: Found, world: World, life: Life, folder: Path, rows: list[Row], look: Look
) -> Adapted:
    """Write the model, the store and the family tree; re-test earlier tasks that are at hand."""
    last = rows[-1]
    save_policy(world.policy, folder / MODEL)
    store = look.store.put(found.name, last["prompt"], last["test"])
    store.save(folder)
    living, every = life.population.prompts, (*life.population.prompts, *life.population.gone)
    ordered = sorted(every, key=lambda prompt: prompt.number)
    tree = [asdict(prompt) | {"alive": prompt in living} for prompt in ordered]
    write_text(folder / TREE, json.dumps(tree, indent=1, ensure_ascii=False) + "\n")
    return Adapted(folder, rows, store, tree, retested(found, world, look))


def save_policy(policy: Any, folder: Path) -> None:
    """The adapted model, if the policy knows how to save one."""
    if hasattr(policy, "saved"):
        policy.saved(folder)


def start_anew(folder: Path) -> None:
    """Remove what an earlier run left, and nothing else."""
    for each in (LIFE, MODEL):
        shutil.rmtree(folder / each, ignore_errors=True)
    for each in (LOG, TREE):
        (folder / each).unlink(missing_ok=True)


def retested(found: Found, world: World, look: Look) -> dict[str, tuple[float, float]]:
    """Retention: the score of each earlier task when its prompt was stored, and now."""
    known = {
        each.name: Earlier(each.task, stored.prompt, stored.score)
        for each in look.earlier
        if each.name != found.name and (stored := look.store.prompts.get(each.name))
    }
    now = iter(retention(world.policy, list(known.values()), look.problems, worth))
    return {name: (each.then, next(now)) for name, each in known.items()}
