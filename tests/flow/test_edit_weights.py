"""Edits of weights: they reach their fact, are of rank one or small, and are taken back exactly."""

import pytest
import torch
from transformers import MixtralConfig, MixtralForCausalLM

from duotempo.flow import Edit, Question, editability, operators
from duotempo.flow.edits import Editable, FineTune, Mind, RankOne, _inputs, run
from duotempo.flow.huggingface import HuggingFace
from tests.flow import test_huggingface, test_native

TEXTS = tuple(
    torch.randint(19, (12,), generator=torch.Generator().manual_seed(i)) for i in range(4)
)
PLAIN = TEXTS[0]
SUBJECTS = {
    "llama": lambda: test_huggingface.subject("llama"),
    "gpt2": lambda: test_huggingface.subject("gpt2"),
    "native": lambda: test_native.subject("mag, added"),
}
each = pytest.mark.parametrize("kind", SUBJECTS)


def question(*tokens):
    """Three candidates; the new answer is 3, the old one 4."""
    return Question(torch.tensor(tokens), tuple(torch.tensor([i]) for i in (3, 4, 5)))


def edit(number=0):
    """An edit about nothing."""
    first = question(7, 8 + number, 9)
    return Edit(str(number), torch.tensor([7, 8 + number, 9, 3]), (first,), (question(1, 2),))


@each
def test_weight_edits_reach_their_fact_and_leave_the_weights_as_they_were(kind):
    subject = SUBJECTS[kind]()
    assert isinstance(subject, Editable)
    kept = {name: weight.clone() for name, weight in subject.model.named_parameters()}
    ways = operators(subject, TEXTS)
    assert list(ways) == ["nothing", "context", "store", "rank one", "fine-tune"]
    rows = editability(subject, [edit()], ways, PLAIN, counts=(1,))
    by = {row.operator: row for row in rows}
    assert by["rank one"].efficacy.value == 1
    assert by["rank one"].collateral.value > 0 == by["nothing"].collateral.value
    assert by["fine-tune"].bytes == by["rank one"].bytes > 0
    assert all(row.undo in (None, 0.0) for row in rows)
    assert (by["store"].said is None) == (kind != "native")
    for name, weight in subject.model.named_parameters():
        assert torch.equal(weight, kept[name]), name


def test_a_rank_one_edit_answers_its_key_and_the_next_one_is_added():
    subject = SUBJECTS["llama"]()
    base, told = Mind(subject.empty()), edit()
    place = next(p.name for p in subject.places if p.channel == "weights")
    mind = RankOne(place, TEXTS)(subject, base, told)
    assert int(torch.linalg.matrix_rank(mind.deltas[place])) == 1
    before, after = (run(subject, m, told.questions[0].tokens) for m in (base, mind))
    at = [p.name for p in subject.places].index(place)
    moved = (after.writes - before.writes)[at]
    key = _inputs(subject, base, told.questions[0].tokens, subject.outlet(place))[-1]
    torch.testing.assert_close(moved[-1], mind.deltas[place] @ key)
    # among all that answer the key alike it disturbs what other texts ask the least
    rows = torch.cat([_inputs(subject, base, text, subject.outlet(place)) for text in TEXTS])
    plain = torch.outer(moved[-1], key) / (key @ key)
    assert (rows @ mind.deltas[place].T).norm() < (rows @ plain.T).norm()
    again = RankOne(place, TEXTS)(subject, mind, edit(1))
    assert int(torch.linalg.matrix_rank(again.deltas[place])) == 2


def test_fine_tuning_lowers_the_loss_of_the_new_answer():
    subject = SUBJECTS["llama"]()
    base, told = Mind(subject.empty()), edit()
    mind = FineTune("1.mlp")(subject, base, told)
    tokens = told.questions[0].tokens
    before, after = (run(subject, m, tokens).logits[-1].log_softmax(-1)[3] for m in (base, mind))
    assert after > before


def test_where_experts_stand_for_the_mlp_the_rows_say_none():
    config = MixtralConfig(**test_huggingface.SMALL, num_local_experts=2)
    subject = HuggingFace(MixtralForCausalLM(config).requires_grad_(False))
    rows = editability(subject, [edit()], operators(subject, TEXTS), PLAIN, counts=(1,))
    by = {row.operator: row for row in rows}
    assert list(by) == ["nothing", "context", "store", "rank one", "fine-tune"]
    assert by["rank one"].said is by["fine-tune"].undo is None
    assert by["context"].said is not None
