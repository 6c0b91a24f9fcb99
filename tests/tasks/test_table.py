"""Laws of every task in the table: repeatable bytes, an oracle that is right, a stated chance."""

import itertools
import os
import subprocess
import sys
from hashlib import sha256

import pytest
import torch

from duotempo.tasks import TASKS, diary, needle, recall
from duotempo.tasks.batch import Batch, score

TENSORS = ("tokens", "targets", "weights", "answers")
WALKED = ("depo", "depo-names", "rule110", "rulebook", "sessions", "almanac")
"""Tasks with an oracle of their own."""
ASKING = ("diary", "needle", "recall", *WALKED)
BATCHED = sorted(set(TASKS) - {"diary"})

each_batched = pytest.mark.parametrize("name", BATCHED)


def shown(item) -> str:
    """The sha256 of all that an item of a task holds."""
    if isinstance(item, Batch):
        raw = b"".join(getattr(item, name).numpy().tobytes() for name in TENSORS)
        return sha256(raw).hexdigest()
    return sha256(repr(item).encode()).hexdigest()


def summary() -> str:
    """One line for each task: what the first items of seed 5 are."""
    return "\n".join(
        f"{name} {[shown(i) for i in itertools.islice(TASKS[name]().batches(5), 2)]}"
        for name in TASKS
    )


def test_a_fresh_process_makes_the_same_bytes():
    code = "from tests.tasks.test_table import summary; print(summary())"
    env = {**os.environ, "PYTHONHASHSEED": "77"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == summary()


@pytest.mark.parametrize("name", TASKS)
def test_a_task_is_a_frozen_value_with_a_meaning_and_a_chance(name):
    assert TASKS[name].__doc__
    task = TASKS[name]()
    assert task == TASKS[name]()
    assert hash(task) == hash(TASKS[name]())
    assert type(task).__name__ in repr(task)
    assert 0 < task.chance < 1


@pytest.mark.parametrize("name", TASKS)
def test_another_seed_or_another_number_gives_other_bytes(name):
    task = TASKS[name]()
    found = [shown(i) for seed in (5, 6) for i in itertools.islice(task.batches(seed), 3)]
    assert len(set(found)) == 6


@each_batched
def test_a_batch_is_known_by_its_number_in_any_order(name):
    task = TASKS[name]()
    late, early = shown(task.batch(5, 2)), shown(task.batch(5, 0))
    assert [early, late] == [shown(i) for i in itertools.islice(task.batches(5), 3)][::2]


@each_batched
def test_targets_are_the_tokens_one_place_on(name):
    task = TASKS[name]()
    batch = task.batch(3, 1)
    assert torch.equal(batch.targets[:, :-1], batch.tokens[:, 1:])
    assert 0 <= batch.tokens.min() <= batch.tokens.max() < task.vocabulary
    assert (batch.weights[batch.answers] == 1).all()
    assert (batch.weights >= 0).all()
    assert batch.weights.sum() > 0


def guessed(name: str, batch: Batch) -> torch.Tensor:
    """What the oracle of a task predicts, from the tokens up to each place."""
    if name == "recall":
        return recall.oracle(batch.tokens)
    if name in WALKED:
        task, blind = TASKS[name](), batch.tokens.clone()
        nothing = task.vocabulary - 1 if name == "depo" else 0  # token 0 is an edge there
        blind[:, 1:][batch.answers[:, :-1]] = nothing
        return task.oracle(blind)
    predicted = torch.zeros_like(batch.targets)
    for row, guess, asked in zip(batch.tokens, predicted, batch.answers, strict=True):
        # the answers in the questions are struck out: the oracle must know them from the text
        blind = row.clone()
        blind[1:][asked[:-1]] = ord("?")
        signs = b"".join(
            answer + (b"" if answer.isdigit() else b".")
            for answer in needle.oracle(bytes(blind.tolist()))
        )
        guess[asked] = torch.tensor(list(signs))
    return predicted


def test_every_task_that_asks_has_an_oracle_which_is_always_right():
    assert {*ASKING, "prose"} == set(TASKS), "a new task: say what its oracle is"
    for name in set(ASKING) - {"diary"}:
        for index in range(3):
            batch = TASKS[name]().batch(9, index)
            assert score(guessed(name, batch), batch).exact == 1.0
    told = diary.Diary().make(9)
    assert all(diary.oracle(told.evicted, fact) == fact.answer for fact in told.facts)


def test_torch_is_loaded_only_with_a_task_that_needs_it():
    code = "import sys; from duotempo.tasks import TASKS; TASKS['diary']()"
    code += "\nassert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
