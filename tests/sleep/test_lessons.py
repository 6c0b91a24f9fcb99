"""Laws of lessons: every token is in one; a teacher is the model with the text still in view."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from duotempo.core import UserError
from duotempo.sleep.lessons import LEAST, SHORTEST, Drawn, Lessons, lesson
from tests.models.minds import a_body, a_memory, some_ids


@given(tokens=st.integers(LEAST, 2000), segment=st.integers(LEAST, 300))
def test_every_token_is_in_exactly_one_lesson(tokens, segment):
    spans = Lessons(segment, 300).spans(tokens)
    covered = [i for start, end in spans for i in range(start, end)]
    assert covered == list(range(tokens))
    sizes = [end - start for start, end in spans]
    assert all(size == segment for size in sizes[:-1])
    assert LEAST <= sizes[-1] < segment + SHORTEST
    assert len(sizes) == 1 or sizes[-1] >= min(segment, SHORTEST)


@pytest.mark.parametrize("tokens", [0, 1])
def test_too_few_tokens_are_refused(tokens):
    with pytest.raises(UserError, match="at least 2"):
        Lessons().make(a_body("llama"), some_ids(tokens)[0], some_ids(9)[0])


@pytest.mark.parametrize(
    ("segment", "window", "top"), [(1, 8, 4), (0, 8, 4), (9, 8, 4), (4, 8, -1)]
)
def test_lessons_that_make_no_sense_are_refused(segment, window, top):
    with pytest.raises(UserError, match="must be"):
        Lessons(segment, window, top)


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_a_teacher_is_the_model_with_the_window_in_view(kind):
    body, before, text = a_body(kind), some_ids(20, 1)[0], some_ids(60, 2)[0]
    lessons = Lessons(segment=16, window=24, top=5).make(body, text, before)
    stream, spans = torch.cat([before, text]), Lessons(16, 24).spans(60)
    for (start, end), one in zip(spans, lessons, strict=True):
        a, b = 20 + start, 20 + end
        view = min(a, max(0, b - 24))  # a long last segment is seen whole
        with torch.no_grad():
            seen = body.logits(body.upper(body.trunk(stream[None, view:b])))[0]
        logp, ids = seen[a - view : -1].log_softmax(-1).topk(5, dim=1)
        assert one.teacher is not None
        assert torch.equal(one.teacher.ids, ids)
        torch.testing.assert_close(one.teacher.logp, logp)
        assert torch.equal(one.targets, stream[a + 1 : b])
        assert one.size == b - a


MINDS = [("llama", "weights"), ("llama", "latents"), ("gpt2", "weights")]


@pytest.mark.parametrize(("kind", "memory"), MINDS)
def test_a_lesson_without_a_teacher_costs_what_the_text_costs(kind, memory):
    body, ids = a_body(kind), some_ids(30)
    one, state = lesson(body, ids[0], some_ids(9)[0], top=0), a_memory(body, memory)
    assert one.teacher is None
    with torch.no_grad():
        logits = body.logits(body.upper(body.trunk(ids), state))[0]
        cost = one.loss(body, state, 0.3)
    torch.testing.assert_close(cost, F.cross_entropy(logits[:-1], ids[0, 1:]))


def test_progress_ends_at_the_end():
    told = []
    text = some_ids(40)[0]
    Lessons(16, 16, 1).make(a_body("llama"), text, text[:0], lambda *said: told.append(said[1:]))
    assert told == [(16, 40), (40, 40)]


def test_a_drawn_lesson_is_made_once_and_only_when_drawn(monkeypatch):
    made = []

    def counted(body, ids, before, top):
        made.append(len(ids))
        return lesson(body, ids, before, top)

    monkeypatch.setattr("duotempo.sleep.lessons.lesson", counted)
    drawn = Drawn(a_body("llama"), [some_ids(7, seed)[0] for seed in range(3)])
    assert len(drawn) == 3
    assert made == []
    assert drawn[1] is drawn[1]
    assert made == [7]
    assert drawn[1].size == 7
    assert [one.size for one in drawn[0:2]] == [7, 7]
    assert made == [7, 7]
