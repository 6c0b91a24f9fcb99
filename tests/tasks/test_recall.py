"""Laws of associative recall: different keys, honest answers, queries where they should be."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks.batch import score
from duotempo.tasks.recall import FILLER, Recall, oracle


@st.composite
def tasks(draw):
    pairs, queries = draw(st.integers(1, 9)), draw(st.integers(1, 12))
    return Recall(
        vocabulary=draw(st.integers(2 * pairs + 1, 60)),
        pairs=pairs,
        queries=queries,
        length=2 * (pairs + queries) + draw(st.integers(0, 30)),
        rows=3,
        near=draw(st.sampled_from((0.01, 0.5, 1.0))),
    )


@given(tasks(), st.integers(0, 10**9))
@settings(max_examples=60)
def test_the_oracle_is_always_right(task, index):
    batch = task.batch(1, index)
    assert score(oracle(batch.tokens), batch).exact == 1.0
    assert batch.tokens.shape == (3, task.length)
    assert (batch.answers.sum(1) == task.queries).all()
    assert torch.equal(batch.weights, batch.answers.float())


@given(tasks(), st.integers(0, 10**9))
@settings(max_examples=30)
def test_keys_and_values_are_different_and_of_their_kind(task, index):
    for row in task.batch(2, index).tokens[:, : 2 * task.pairs].tolist():
        keys, values = row[::2], row[1::2]
        assert len(set(row)) == 2 * task.pairs
        assert 0 < min(keys) <= max(keys) <= task.values < min(values) < task.vocabulary


def test_no_key_is_asked_again_before_all_were():
    batch = Recall(pairs=8, queries=16, length=80, rows=4).batch(0, 0)
    for row, asked in zip(batch.tokens, batch.answers, strict=True):
        keys = row[asked].tolist()
        assert set(keys[:8]) == set(keys[8:]) == set(row[:16:2].tolist())
    assert (batch.targets == FILLER).sum() == 4 * (80 + 1 - 16 - 32)


def test_queries_come_near_when_told_to():
    def distance(near):
        answers = Recall(length=512, rows=64, near=near).batch(0, 0).answers
        return answers.nonzero()[:, 1].float().mean().item() - 16

    assert distance(1.0) == pytest.approx(248, abs=15)
    assert distance(0.01) < 130


def test_chance_is_a_guess_among_the_values_of_the_row():
    task = Recall(pairs=8, rows=400)
    batch = task.batch(3, 0)
    values = batch.tokens[:, 1:16:2]
    picks = torch.randint(8, batch.tokens.shape, generator=torch.Generator().manual_seed(0))
    assert score(values.gather(1, picks), batch).exact == pytest.approx(task.chance, abs=0.02)


@pytest.mark.parametrize(
    ("sizes", "mend"),
    [
        ({"length": 31}, "take 32 tokens"),
        ({"vocabulary": 16}, "at least 17"),
        ({"pairs": 0}, "at least 1"),
        ({"near": 0.0}, "above 0"),
        ({"rows": 0}, "at least 1"),
    ],
)
def test_sizes_that_do_not_go_together_are_refused(sizes, mend):
    with pytest.raises(UserError, match=mend):
        Recall(**sizes)
