"""Laws of a run on disk: a kill changes nothing, no row twice, another run is refused."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from duotempo.adapt.cycle import Settings
from duotempo.adapt.reuse import Kept
from duotempo.adapt.run import LIFE, LOG, TREE, Look, start_anew
from duotempo.adapt.store import PromptStore
from duotempo.adapt.task_file import Found
from duotempo.core import UserError
from duotempo.models.saved import load_model
from tests.adapt.lives import EAGER, SMALL, Lucky, same, world
from tests.adapt.runs import LONG, going

ROOT = Path(__file__).parent.parent.parent


def told(rows):
    """Rows without what clocks say."""
    return [{k: v for k, v in row.items() if k != "seconds"} for row in rows]


@pytest.mark.parametrize("cycle", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_a_killed_run_goes_on_to_the_same_end(cycle, tmp_path):
    whole = going(tmp_path / "whole")
    command = [sys.executable, "-m", "tests.adapt.killed", str(tmp_path / "cut"), str(cycle)]
    assert subprocess.run(command, cwd=ROOT, check=False, timeout=120).returncode < 0
    assert (tmp_path / "cut" / LOG).exists()
    here = world()
    cut = going(tmp_path / "cut", world=here)
    assert told(cut.rows) == told(whole.rows)
    assert [row["cycle"] for row in cut.rows] == [0, 1, 2, 3]
    assert cut.tree == whole.tree
    assert cut.store == whole.store
    left, right = (load_model(tmp_path / name / "model") for name in ("whole", "cut"))
    assert same(dict(left.named_parameters()), dict(right.named_parameters()))
    assert same(dict(right.named_parameters()), here.policy.taken())


def test_a_cycle_that_was_refused_has_no_reward_of_an_earlier_one(tmp_path, monkeypatch):
    drifts = iter((0.0, 9.0, 0.0))
    monkeypatch.setattr("duotempo.adapt.cycle.divergence", lambda *_: next(drifts))
    plan = replace(LONG, budget=1.0)
    done = going(tmp_path, plan=plan, settings=Settings(SMALL, EAGER, "rl"))
    assert "refused" in done.rows[2]["verdict"]
    assert [row["reward"] is None for row in done.rows] == [True, False, True, False]


def test_a_finished_run_is_shown_again_and_not_made_again(tmp_path):
    slow = Settings(SMALL, EAGER, "rl")
    first = going(tmp_path, settings=slow)
    seen = []
    here = world()
    again = going(tmp_path, world=here, shown=seen.append, settings=slow)
    assert seen == first.rows == again.rows
    assert again.tree == json.loads((tmp_path / TREE).read_text(encoding="utf-8"))
    assert same(dict(load_model(tmp_path / "model").named_parameters()), here.policy.taken())
    assert not same(world().policy.taken(), here.policy.taken())


def test_a_finished_run_goes_on_when_more_cycles_are_asked(tmp_path):
    whole = going(tmp_path / "whole")
    going(tmp_path / "more", plan=replace(LONG, cycles=2))
    assert told(going(tmp_path / "more").rows) == told(whole.rows)
    planned = Settings(SMALL, EAGER, "sequential")
    going(tmp_path / "planned", plan=replace(LONG, cycles=2), settings=planned)
    with pytest.raises(UserError, match="cycles was 2, is 3"):
        going(tmp_path / "planned", settings=planned)


def test_other_settings_are_another_run(tmp_path):
    going(tmp_path)
    with pytest.raises(UserError, match="method was 'fst', is 'rl'"):
        going(tmp_path, settings=Settings(SMALL, EAGER, "rl"))
    with pytest.raises(UserError, match="reuse was False, is True"):
        going(tmp_path, world=replace(world(), kept=Kept()))
    start_anew(tmp_path)
    assert not (tmp_path / LIFE).exists()
    going(tmp_path, settings=Settings(SMALL, EAGER, "rl"))


def test_the_tree_has_every_prompt_and_its_parent(tmp_path):
    done = going(tmp_path)
    numbers = {prompt["number"] for prompt in done.tree}
    assert numbers == set(range(len(done.tree)))
    assert all(p["parent"] in numbers for p in done.tree if p["parent"] is not None)
    assert any(p["alive"] for p in done.tree)


def test_earlier_tasks_are_tested_again_under_their_stored_prompts(tmp_path):
    store = PromptStore().put("even", "solve - -", 0.9).put("unknown", "-", 0.5)
    earlier = (Found(Lucky(), "even", "m"), Found(Lucky(), "lucky", "m"))
    done = going(tmp_path, look=Look(8, earlier, store))
    assert set(done.retention) == {"even"}
    then, now = done.retention["even"]
    assert then == 0.9
    assert 0 <= now <= 1
    assert set(done.store.prompts) == {"even", "unknown", "lucky"}
    assert PromptStore.near(tmp_path / "model") == done.store


def test_a_file_that_is_no_store_says_so(tmp_path):
    assert PromptStore.near(tmp_path) == PromptStore()
    PromptStore().put("even", "solve - -", 0.9).save(tmp_path)
    assert PromptStore.near(tmp_path).prompts
    assert PromptStore.near(tmp_path / "smollm2") == PromptStore()
    (tmp_path / "prompts.json").write_text('{"a": 3}', encoding="utf-8")
    with pytest.raises(UserError, match="no store of prompts"):
        PromptStore.near(tmp_path)
