"""Laws of going on: whatever ended a run, the same command goes on to the very same end."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch

from duotempo.core import UserError
from duotempo.models.config import Config as Decoder
from duotempo.models.config import MemoryConfig
from duotempo.models.latent_config import LatentConfig
from duotempo.models.thinking import Preset, Thinking
from duotempo.train import Muon, load_model, train
from tests.train.same import assert_same_run, logged
from tests.train.tiny import Config, Echo, a_run

ROOT = Path(__file__).parent.parent.parent
OFTEN = ("step-1", "step-3", "call-7", "call-9")
SELDOM = [f"step-{n}" for n in (2, 4, 5)] + [f"call-{n}" for n in range(1, 26) if n not in (7, 9)]
MOMENTS = (*OFTEN, *SELDOM)
"""After a step, and while saving: at the nth file that is settled or moved into its place."""


def checkpoints(folder):
    """The names of a run's checkpoints."""
    return sorted(path.name for path in (folder / "checkpoints").iterdir())


@pytest.mark.parametrize(
    "moments", [MOMENTS[:4], pytest.param(MOMENTS[4:], marks=pytest.mark.slow)], ids=len
)
def test_a_run_that_was_killed_at_any_moment_goes_on_bit_for_bit(moments, undisturbed, tmp_path):
    command = [sys.executable, "-m", "tests.train.killed", str(tmp_path), *moments]
    subprocess.run(command, check=True, timeout=600, cwd=ROOT)
    for moment in moments:
        folder = tmp_path / moment
        train(a_run(), folder, save_every=2)
        assert_same_run(folder, undisturbed)
        assert checkpoints(folder) == checkpoints(undisturbed)


class Halt(Exception):
    """The end of a run that is to be gone on with."""


def halt(what, done, total):
    """Break off in the middle."""
    if done == 5:
        raise Halt


IDLE = LatentConfig(
    Decoder(
        vocab=11, width=8, heads=2, ff=8, window=4, layout=("latent",), persistent=0, latents=2
    ),
    Thinking(4, Preset("natural", 1), 0.0, "own", through=False),
)
"""A model with weights that never have a gradient: the curvature that this rule does not use."""
MEMORY = MemoryConfig(heads=2, size=4, chunk=4, dead_zone=0.1, gate_noise=0.5)


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": Muon()},
        {"held_out": Echo()},
        {"precision": "bf16"},
        {"model": Decoder(vocab=11, width=8, heads=2, ff=8, window=4, memory=MEMORY)},
        {"model": IDLE},
    ],
    ids=["optimiser", "held_out", "precision", "memory", "idle"],
)
def test_whatever_the_settings_a_broken_run_goes_on_bit_for_bit(settings, tmp_path):
    run = a_run(8, **settings)
    train(run, tmp_path / "whole", save_every=3)
    with pytest.raises(Halt):
        train(run, tmp_path / "broken", save_every=3, tell=halt)
    train(run, tmp_path / "broken", save_every=3)
    assert_same_run(tmp_path / "whole", tmp_path / "broken")


@dataclass(frozen=True)
class Shared(Config):
    """A model with buffers that lie where its weights lie."""

    def build(self):
        """A fresh model."""
        model = super().build()
        weight = model.embed.weight.detach()
        model.register_buffer("all", weight)
        model.register_buffer("some", weight[1:, ::2])
        return model


def test_tensors_that_share_their_storage_are_saved_and_gone_on_with(tmp_path):
    run = a_run(model=Shared())
    train(run, tmp_path / "whole")
    with pytest.raises(Halt):
        train(run, tmp_path / "broken", save_every=2, tell=halt)
    train(run, tmp_path / "broken")
    assert_same_run(tmp_path / "whole", tmp_path / "broken")
    model = load_model(tmp_path / "whole" / "model", Shared().build())
    assert torch.equal(model.some, model.embed.weight[1:, ::2])


def test_how_often_is_saved_changes_nothing(undisturbed, tmp_path):
    train(a_run(), tmp_path, save_every=5)
    assert_same_run(tmp_path, undisturbed)


def test_two_checkpoints_are_kept(undisturbed):
    assert checkpoints(undisturbed) == ["step-000000004", "step-000000006"]


def test_a_finished_run_makes_no_more_steps(undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "run")
    before = (tmp_path / "run" / "log.jsonl").read_bytes()
    told = []
    trained = train(a_run(), tmp_path / "run", tell=lambda *words: told.append(words))
    assert told == []
    assert trained.steps == 6
    assert (tmp_path / "run" / "log.jsonl").read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_saves_first(number, undisturbed, tmp_path):
    def interrupt(what, done, total):
        if done == 1:
            os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGINT)  # some shells have their children ignore it
    with pytest.raises(KeyboardInterrupt):
        train(a_run(), tmp_path, tell=interrupt)
    assert checkpoints(tmp_path) == ["step-000000001"]
    assert signal.getsignal(signal.SIGINT) is before
    train(a_run(), tmp_path)
    assert_same_run(tmp_path, undisturbed)


def test_a_second_interrupt_does_not_wait(tmp_path):
    def interrupt(what, done, total):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(a_run(), tmp_path, tell=interrupt)
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("name", ["state.safetensors", "progress.json"])
def test_a_checkpoint_that_is_not_whole_is_passed_over(name, undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "run")
    file = tmp_path / "run" / "checkpoints" / "step-000000006" / name
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.warns(UserWarning, match="step-000000006 is not whole"):
        train(a_run(), tmp_path / "run")
    assert_same_run(tmp_path / "run", undisturbed)


def test_without_any_whole_checkpoint_nothing_is_thrown_away_unasked(undisturbed, tmp_path):
    shutil.copytree(undisturbed, tmp_path / "run")
    for card in (tmp_path / "run").glob("checkpoints/*/progress.json"):
        card.write_text("{}")
    with (
        pytest.warns(UserWarning, match="is not whole"),
        pytest.raises(UserError, match=r"no checkpoint in .* is whole: start anew with --fresh"),
    ):
        train(a_run(), tmp_path / "run")
    train(a_run(), tmp_path / "run", fresh=True, save_every=2)
    assert_same_run(tmp_path / "run", undisturbed)


@pytest.mark.parametrize(
    "other",
    [
        a_run(seed=1),
        a_run(8),
        a_run(clip=0.5),
        replace(a_run(), stages=(replace(a_run().stages[0], task=Echo(rows=2)),)),
    ],
)
def test_another_run_is_refused_with_one_sentence(other, undisturbed):
    before = logged(undisturbed)
    with pytest.raises(UserError, match="holds another run: train in another folder") as refused:
        train(other, undisturbed)
    assert "\n" not in str(refused.value)
    assert logged(undisturbed) == before


def test_checkpoints_of_another_run_are_refused(undisturbed, tmp_path):
    shutil.copytree(undisturbed / "checkpoints", tmp_path / "checkpoints")
    with pytest.raises(UserError, match="holds the checkpoints of another run"):
        train(a_run(seed=1), tmp_path)


@contextmanager
def files_of_at_most(size):
    """Within: a file that grows beyond `size` bytes is refused, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 3000])
def test_a_disk_that_fills_up_costs_no_checkpoint(size, undisturbed, tmp_path):
    def stop(what, done, total):
        if done == 3:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        train(a_run(), tmp_path, save_every=2, tell=stop)
    before = {p: p.read_bytes() for p in (tmp_path / "checkpoints").rglob("*") if p.is_file()}
    with files_of_at_most(size), pytest.raises(UserError, match="free some space") as refused:
        train(a_run(), tmp_path, save_every=2)
    assert "\n" not in str(refused.value)
    after = {p: p.read_bytes() for p in (tmp_path / "checkpoints").rglob("*") if p.is_file()}
    assert after == before
    train(a_run(), tmp_path, save_every=2)
    assert_same_run(tmp_path, undisturbed)


def test_the_card_of_a_run_says_what_was_run_on_what(undisturbed):
    card = json.loads((undisturbed / "run.json").read_text())
    assert card["identity"] == a_run().identity
    assert card["run"] == repr(a_run())
    assert card["config"] == {"vocab": 11, "width": 8, "dropout": 0.1}
    assert {"seed", "commit", "machine"} <= set(card)
