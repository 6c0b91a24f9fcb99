"""Laws of a life on disk: read as it was written, resumed as if uncut, refused where it is not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from duotempo.adapt.cycle import Settings, adapted
from duotempo.adapt.saved import identity_of, load_life, save_life
from duotempo.core import UserError
from duotempo.core.state_folder import POINTER
from tests.adapt.lives import EAGER, PLAN, SMALL, lived, same, world

SETTINGS = Settings(SMALL, EAGER, "rl")
WHO = identity_of(plan=PLAN, settings=SETTINGS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A life of one cycle."""
    here = world()
    life = next(adapted(here, PLAN, SETTINGS))
    save_life(tmp_path / "life", life, here.tally, WHO)
    return tmp_path / "life"


def test_nothing_saved_is_no_life(tmp_path):
    assert load_life(tmp_path, WHO) is None


@pytest.mark.parametrize("method", ["rl", "fst"])
def test_a_life_resumed_from_disk_goes_on_as_if_uncut(tmp_path, method):
    whole, there = lived(method)
    settings, here = Settings(SMALL, EAGER, method), world()
    save_life(tmp_path, next(adapted(here, PLAN, settings)), here.tally, WHO)
    found = load_life(tmp_path, WHO)
    assert found is not None
    life, tally = found
    *_, rest = adapted(replace(world(), tally=tally), PLAN, settings, life)
    assert same(rest.slow.weights, whole.slow.weights)
    assert rest.slow.steps == whole.slow.steps
    assert rest.population == whole.population
    assert tally.plain() == there.tally.plain()


def test_the_life_of_another_run_is_refused(folder):
    other = replace(SETTINGS, lesson=replace(EAGER, rate=0.5))
    with pytest.raises(UserError, match=rf"\(rate was {EAGER.rate}, is 0.5\)"):
        load_life(folder, identity_of(plan=PLAN, settings=other))


@pytest.mark.parametrize("part", ["prompts", "scores", "steps", "under", "tally", "made"])
def test_a_life_with_a_part_that_is_none_is_refused(folder, part):
    facts = json.loads((folder / POINTER).read_text())
    (folder / POINTER).write_text(json.dumps({**facts, part: 3.5 if part != "made" else "many"}))
    with pytest.raises(UserError, match="no life that can be read"):
        load_life(folder, WHO)


def test_weights_that_were_tampered_with_are_refused(folder):
    (file,) = folder.glob("slow-*.safetensors")
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    with pytest.raises(UserError):
        load_life(folder, WHO)
