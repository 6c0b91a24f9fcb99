"""Laws of batches: one shape, seeds that mean the same everywhere, scores by whole answers."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks.batch import DTYPES, Batch, byte_batch, score
from duotempo.tasks.seeds import seeded

ROWS = ((b"ab: 12. cd: 345.", [(4, 6), (12, 15)]), (b"some prose: 678.", [(12, 15)]))


def test_random_numbers_are_those_of_the_seed_and_the_index():
    assert [seeded(0, 0).getrandbits(32), seeded(0, 1).getrandbits(32)] == [3965793746, 3096465898]
    assert seeded(1, 23).random() != seeded(12, 3).random()
    assert seeded(4, 5).random() == seeded(4, 5).random() != seeded(5, 4).random()
    assert seeded(4).random() != seeded(4, 0).random()


def test_a_batch_marks_the_answers_one_place_early():
    batch = byte_batch(ROWS, 0.1)
    said = [bytes(t[a].tolist()) for t, a in zip(batch.targets, batch.answers, strict=True)]
    assert said == [b"12345", b"678"]
    assert bytes(batch.tokens[1].tolist()) == ROWS[1][0][:-1]
    assert bytes(batch.targets[1].tolist()) == ROWS[1][0][1:]


@given(st.floats(0, 3))
def test_the_rest_of_a_row_weighs_its_share_of_the_answers(share):
    batch = byte_batch(ROWS, share)
    rest = torch.where(batch.answers, 0.0, batch.weights).sum(1)
    assert torch.allclose(rest, share * batch.answers.sum(1))


@pytest.mark.parametrize(
    ("place", "tensor"),
    [
        (1, torch.zeros(2, 4, dtype=torch.int64)),
        (0, torch.zeros(2, 3, dtype=torch.int32)),
        (2, torch.zeros(2, 3, dtype=torch.float64)),
        (3, torch.zeros(2, 3)),
        (3, torch.zeros(6, dtype=torch.bool)),
    ],
)
def test_tensors_that_do_not_fit_are_refused(place, tensor):
    fine = [torch.zeros(2, 3, dtype=torch.int64)] * 2
    fine += [torch.zeros(2, 3), torch.zeros(2, 3, dtype=torch.bool)]
    bare = object.__new__(Batch)  # past the shape checker of the tests, which people do not run
    for name, each in zip(DTYPES, fine, strict=True):
        object.__setattr__(bare, name, each)
    bare.__post_init__()
    object.__setattr__(bare, list(DTYPES)[place], tensor)
    with pytest.raises(UserError, match="a batch h"):
        bare.__post_init__()


def test_one_wrong_byte_spoils_one_answer():
    batch = byte_batch(ROWS, 0.1)
    right = score(batch.targets, batch)
    assert (right.exact, right.token, right.answers, right.tokens) == (1.0, 1.0, 3, 8)
    places = batch.answers.nonzero()
    for row, place in places.tolist():
        wrong = batch.targets.clone()
        wrong[row, place] = 0
        assert score(wrong, batch).exact == pytest.approx(2 / 3)
        assert score(wrong, batch).token == pytest.approx(7 / 8)
    both = batch.targets.clone()
    both[0][batch.answers[0]] = 0
    assert score(both, batch).exact == pytest.approx(1 / 3)


def test_what_is_not_asked_does_not_count():
    batch = byte_batch(ROWS, 0.1)
    assert score(torch.where(batch.answers, batch.targets, 0), batch).exact == 1.0


def test_logits_are_scored_by_their_largest():
    batch = byte_batch(ROWS, 0.1)
    logits = torch.nn.functional.one_hot(batch.targets, 256).float()
    assert score(logits, batch) == score(batch.targets, batch)


def test_answers_that_meet_at_the_end_and_the_beginning_of_rows_stay_two():
    batch = byte_batch([(b"a12", [(1, 3)]), (b"345", [(1, 3)])], 0.1)
    assert score(batch.targets, batch).answers == 2


def test_what_cannot_be_scored_is_refused():
    batch = byte_batch([(text, []) for text, _ in ROWS], 0.1)
    with pytest.raises(UserError, match="asks nothing"):
        score(batch.targets, batch)
    with pytest.raises(UserError, match="one for each target"):
        score(batch.targets[:, :-1], byte_batch(ROWS, 0.1))
