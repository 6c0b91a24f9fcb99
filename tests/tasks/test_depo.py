"""Laws of Depo: one cycle, every edge told once, answers that many hops on, honest questions."""

from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks.batch import score
from duotempo.tasks.depo import ASK, EDGE, PAD, Depo, DepoNames


def told(task: Depo, row: list[int]) -> dict[int, int]:
    """Tail -> head of a row's edges."""
    return dict(divmod(token, task.parts[1]) for token in row[: task.context])


@settings(deadline=None, max_examples=20)
@given(nodes=st.integers(3, 12), seed=st.integers(0, 10_000))
def test_the_edges_are_one_cycle_over_all_nodes(nodes, seed):
    task = Depo(nodes=nodes, hops=2, queries=2, rows=4)
    for row in task.batch(seed, 0).tokens.tolist():
        after, node, seen = told(task, row), 0, set()
        for _ in range(nodes):
            seen.add(node)
            node = after[node]
        assert seen == set(range(nodes))
        assert node == 0


def test_questions_start_from_different_nodes_and_ask_for_every_number_of_hops():
    task = Depo(rows=256)
    tokens = task.batch(0, 0).tokens[:, task.context :: 2]
    starts, hops = tokens // task.parts[1], tokens % task.parts[1] - task.nodes
    assert all(len(set(row)) == task.queries for row in starts.tolist())
    assert set(hops.flatten().tolist()) == set(range(task.hops))
    only = Depo(rows=256, hop=3).batch(0, 0).tokens[:, task.context :: 2]
    assert set((only % task.parts[1] - task.nodes).flatten().tolist()) == {2}


@pytest.mark.parametrize("hop", [1, 4])
def test_the_best_blind_guess_at_one_question_gets_what_chance_says(hop):
    """It knows that the answer is another node than the start, and no more."""
    task = Depo(rows=4096, queries=1, hop=hop)
    batch = task.batch(1, 0)
    starts = batch.tokens[:, -1:] // task.parts[1]
    for away in (1, 3):
        guess = (starts + away) % task.nodes + task.nodes * task.parts[1]
        right = (guess == batch.targets[:, -1:]).double().mean().item()
        assert right == pytest.approx(task.chance, abs=0.02)
    assert (batch.targets[:, -1:] % task.parts[1] != starts).all()


def test_answers_of_a_row_tell_of_each_other():
    """Why studies ask one question a row: half way round, the way back is as long."""
    task = Depo(rows=512, queries=8, hop=4)
    tokens = task.batch(1, 0)
    row = torch.cat((tokens.tokens, tokens.targets[:, -1:]), 1)[:, task.context :]
    starts, answers = row[:, ::2] // task.parts[1], row[:, 1::2] % task.parts[1]
    blind = [
        answers[i, starts[i].tolist().index(int(answer))] == start
        for i in range(len(row))
        for start, answer in zip(starts[i], answers[i], strict=True)
    ]
    assert all(blind)


def test_questions_of_ones_own_are_answered_by_the_same_walk():
    task = Depo(rows=1)
    edges = task.batch(3, 0).tokens[:, : task.context]
    asked = task.questions(edges, Random(5), 6)
    found = task.oracle(torch.cat((edges, asked), 1))[:, task.context :: 2]
    assert torch.equal(found, asked[:, 1::2])
    assert torch.equal(asked, task.questions(edges, Random(5), 6))


@settings(deadline=None, max_examples=20)
@given(nodes=st.integers(3, 30), hops=st.integers(1, 9), seed=st.integers(0, 10_000))
def test_named_nodes_are_a_cycle_too(nodes, hops, seed):
    task = DepoNames(nodes=nodes, hops=hops, queries=4, rows=3)
    batch = task.batch(seed, 0)
    for row in batch.tokens.tolist():
        graph = [token for token in row[: task.context] if token != PAD]
        edges = [(tuple(e[:2]), tuple(e[2:])) for e in zip(*[iter(graph)] * EDGE, strict=True)]
        after, (node, _) = dict(edges), edges[0]
        for _ in range(len(edges)):
            node = after[node]
        assert len(after) == len(edges)
        assert node == edges[0][0]
        assert all(first < last for first, last in after), "a last token is marked as such"
    assert score(task.oracle(batch.tokens), batch).exact == 1.0
    asked = (batch.tokens == ASK).sum()
    assert int(batch.answers.sum()) == 2 * int(asked)


def test_the_published_sizes_fit():
    batch = DepoNames().batch(0, 0)
    assert batch.tokens.shape == (32, 360)
    assert DepoNames().context == 4 * 75
    assert DepoNames(nodes=3, hops=2, symbols=3).chance == pytest.approx(1 / 2)
    assert 1 / 74 < DepoNames().chance < 1 / 2


def test_sizes_that_cannot_be_say_what_would():
    for wrong, said in (
        ({"nodes": 2}, "at least 3"),
        ({"hops": 0}, "at least 1"),
        ({"queries": 9}, "a node of its own"),
        ({"hop": 5}, "between 1 and hops=4"),
    ):
        with pytest.raises(UserError, match=said):
            Depo(**wrong)
    with pytest.raises(UserError, match="more symbols"):
        DepoNames(symbols=8)
