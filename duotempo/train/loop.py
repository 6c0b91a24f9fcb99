"""The loop of a training: a step, a line of log, now and then a checkpoint; and a model at the end.

A run folder holds `run.json` (what was run, on what), `log.jsonl`, `checkpoints/` and `model/`.
"""

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from duotempo.core import Tell, UserError, provenance, silent
from duotempo.core.files import write_text
from duotempo.train.checkpoint import Learner, Progress, resume, save, save_model
from duotempo.train.evaluate import evaluate
from duotempo.train.log import Log, Sink, lines
from duotempo.train.parallel import World, joined
from duotempo.train.run import Run, Watching
from duotempo.train.step import Outcome, learn
from duotempo.train.stop import Stop, stoppable

CARD, LOG, CHECKPOINTS, MODEL = "run.json", "log.jsonl", "checkpoints", "model"


@dataclass(frozen=True)
class Trained:
    """A finished run: its folder, its model, how far it went, the last lines of its log."""

    folder: Path
    model: Path
    steps: int
    tokens: int
    seconds: float
    last: dict[str, Any]
    held_out: dict[str, Any] | None
    watch: dict[str, Any] | None = None


def train(
    run: Run,
    folder: Path,
    *,
    tell: Tell = silent,
    sinks: Sequence[Sink] = (),
    save_every: int = 100,
    fresh: bool = False,
) -> Trained:
    """Train a run in a folder; goes on by itself where the same run was stopped there.

    A run that was killed at any step and begun again gives the same losses, bit for bit, as one
    that was not. Ctrl-C and SIGTERM end it after a checkpoint, with `KeyboardInterrupt`. Under
    `torchrun` all processes call this alike and share the folder.

    Raises `UserError` when the folder holds another run (and not `fresh`), the disk is full, or the
    loss explodes.
    """
    if save_every < 1:
        raise UserError(f"save_every={save_every}: must be at least 1")
    with joined() as world, torch.random.fork_rng(devices=()):
        if world.first:
            open_folder(run, folder, fresh)
        world.wait()
        torch.manual_seed(run.seed)
        model = world.place(run.model.build()).train()
        learner = Learner(model, run.optimiser.build(model), world)
        progress = resume(folder / CHECKPOINTS, learner, run.identity)
        path = folder / LOG if world.first else None
        with Log(path, progress.step, sinks) as log, stoppable() as stop:
            while progress.stage < len(run.stages):
                what = f"stage {progress.stage + 1} of {len(run.stages)}"
                progress = advance(run, learner, progress, log)
                tell(what, progress.step, run.steps)
                asked = told(stop, world)
                if asked or progress.place == 0 or progress.step % save_every == 0:
                    watch(run, learner, progress, log)
                    log.settle()
                    save(folder / CHECKPOINTS, learner, progress, run.identity)
                if asked:
                    raise KeyboardInterrupt
        save_model(folder / MODEL, learner, run.model.to_dict())
    return finished(folder, progress)


def advance(run: Run, learner: Learner, progress: Progress, log: Log) -> Progress:
    """Make one step and log it; at the end of a stage, evaluate and turn to the next."""
    begun = time.perf_counter()
    outcome = learn(run, learner, progress)
    seconds = time.perf_counter() - begun
    after = moved(run, progress, outcome, seconds)
    facts = asdict(outcome)
    facts["tokens_per_second"] = round(facts.pop("tokens") / seconds)
    where = {"step": after.step, "stage": progress.stage + 1, "seconds": round(after.seconds, 3)}
    log.write({**where, **facts})
    if after.stage > progress.stage and run.held_out is not None:
        score = evaluate(learner.model, run.held_out, seed=run.seed, batches=run.held_out_batches)
        log.write({**where, "held_out": score.facts()})
    return after


def watch(run: Run, learner: Learner, progress: Progress, log: Log) -> None:
    """Log whether the fast channel is of use, on the rows of the step just made, if the model can
    tell."""
    if not isinstance(run.model, Watching):
        return
    stage = run.stages[progress.stage - (progress.place == 0)]
    mine = learner.world.rows(stage.task.batch(run.seed, progress.step - 1))
    learner.model.eval()
    said = run.model.watch(learner.model, mine.tokens, mine.targets)
    learner.model.train()
    if said:
        where = {"step": progress.step, "seconds": round(progress.seconds, 3)}
        log.write({**where, "watch": dict(said)})


def moved(run: Run, progress: Progress, outcome: Outcome, seconds: float) -> Progress:
    """Where a run stands after a step."""
    stage = run.stages[progress.stage]
    place, passing = progress.place + 1, progress.passing
    if outcome.exact is not None:
        passing = 0.9 * passing + 0.1 * outcome.exact
    passed = stage.leave_at is not None and passing > stage.leave_at
    after = replace(
        progress,
        step=progress.step + 1,
        tokens=progress.tokens + outcome.tokens,
        seconds=progress.seconds + seconds,
    )
    if passed or place == stage.steps:
        return replace(after, stage=progress.stage + 1, place=0, passing=0.0)
    return replace(after, place=place, passing=passing)


def told(stop: Stop, world: World) -> bool:
    """Whether any process was asked to stop: all stop at the same step."""
    if world.size == 1:
        return stop.asked
    return bool(world.sum(torch.tensor(float(stop.asked), device=world.device)) > 0)


def open_folder(run: Run, folder: Path, fresh: bool) -> None:
    """Start the run folder, or make sure that what it holds is this very run."""
    card = folder / CARD
    if fresh and card.exists():
        for name in (CHECKPOINTS, MODEL):
            shutil.rmtree(folder / name, ignore_errors=True)
        for name in (LOG, CARD):
            (folder / name).unlink(missing_ok=True)
    if card.exists():
        try:
            same = json.loads(card.read_text(encoding="utf-8"))["identity"] == run.identity
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"{card} is not the card of a run: use another folder") from error
        if not same:
            raise UserError(
                f"{folder} holds another run: "
                "train in another folder (--out), or start anew there with --fresh"
            )
        return
    about = {
        "identity": run.identity,
        "run": repr(run),
        "seed": run.seed,
        "config": dict(run.model.to_dict()),
        "commit": provenance.commit(),
        "machine": provenance.machine(),
    }
    write_text(card, json.dumps(about, indent=1) + "\n")


def finished(folder: Path, progress: Progress) -> Trained:
    """What to say about a run that has come to its end."""
    logged = lines(folder / LOG)
    steps = [line for line in logged if "loss" in line]
    watched = [line["watch"] for line in logged if "watch" in line]
    scores = [line["held_out"] for line in logged if "held_out" in line]
    return Trained(
        folder=folder,
        model=folder / MODEL,
        steps=progress.step,
        tokens=progress.tokens,
        seconds=progress.seconds,
        last=steps[-1],
        held_out=scores[-1] if scores else None,
        watch=watched[-1] if watched else None,
    )
