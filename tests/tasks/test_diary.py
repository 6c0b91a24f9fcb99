"""Laws of the diaries: every fact once, its cues honest, the oracle always right."""

import itertools
from dataclasses import astuple
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks.diary import Diary, oracle
from duotempo.tasks.diary_words import FILLERS, FIRST_NAMES, KINDS, SLOTS, SURNAMES

seeds = st.integers(0, 10**6)


def sentences(part):
    """The sentences of a part, without the day that begins each entry."""
    entries = [entry.split(". ", 1)[1] for entry in part.strip().split("\n\n")]
    return [s for entry in entries for s in entry.rstrip(".").split(". ")]


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_the_oracle_scores_one_before_and_after_the_window(seed):
    diary = Diary().make(seed)
    for fact in diary.facts:
        assert oracle(diary.evicted, fact) == oracle(diary.next, fact) == fact.answer
        assert oracle(diary.window, fact) == ""


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_every_fact_is_told_once_and_told_again_once(seed):
    diary = Diary().make(seed)
    assert len(diary.facts) == 40
    for fact in diary.facts:
        assert diary.evicted.count(fact.sentence) == 1
        assert diary.next.count(fact.restated) == 1
        assert fact.person not in diary.window
    for kind in KINDS:
        assert len({f.person for f in diary.facts if f.kind == kind.name}) == 10
    assert [f.restated for f in diary.facts] != sorted(
        (f.restated for f in diary.facts), key=diary.next.index
    )


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_after_each_cue_comes_the_answer(seed):
    for fact in Diary().make(seed).facts:
        assert fact.sentence.startswith(f"{fact.verbatim} {fact.answer}")
        assert fact.person in fact.verbatim
        for cue in (fact.verbatim, fact.cloze, fact.question, fact.stub):
            assert fact.person in cue
            assert fact.answer not in cue
            assert cue == cue.strip()


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_the_rivals_come_from_the_same_diary_and_differ_at_once(seed):
    diary = Diary().make(seed)
    for fact in diary.facts:
        same = {f.answer for f in diary.facts if f.kind == fact.kind}
        assert set(fact.candidates) == same
        assert len(fact.candidates) == len({c[:3].lower() for c in fact.candidates}) == 10


def test_chance_is_a_tenth_for_the_place_of_the_answer():
    facts = [f for seed in range(50) for f in Diary().make(seed).facts]
    first = sum(f.candidates[0] == f.answer for f in facts) / len(facts)
    assert first == pytest.approx(Diary.chance, abs=0.03)


@given(seeds)
@settings(max_examples=20)
def test_twin_seeds_share_neither_a_name_nor_an_answer(seed):
    one, other = Diary().make(seed), Diary().make(seed ^ 1)

    def said(diary):
        names = {word for f in diary.facts for word in f.person.split()}
        return names | {f.answer for f in diary.facts}

    assert not said(one) & said(other)
    assert len(said(one)) == 60


@given(seeds)
@settings(max_examples=20)
def test_no_sentence_occurs_twice_in_a_diary(seed):
    diary = Diary().make(seed)
    said = sentences(diary.evicted) + sentences(diary.window) + sentences(diary.next)
    assert len(said) == len(set(said)) == (20 + 8 + 26) * 5


def test_the_parts_have_the_lengths_they_promise():
    diary = Diary().make(0)
    assert [part.count("\n\n") for part in astuple(diary)[:3]] == [20, 8, 26]
    assert 8000 < len(diary.evicted) < 9500  # SmolLM2: about 4.3 characters a token
    assert 2800 < len(diary.window) < 3600
    assert 10000 < len(diary.next) < 12000


def test_the_days_follow_one_another_through_all_parts():
    diary = Diary().make(4)
    whole = diary.evicted + diary.window + diary.next
    days = [entry.split(",")[0] for entry in whole.strip().split("\n\n")]
    week = days[:7]
    assert len(set(week)) == 7
    assert days == [week[i % 7] for i in range(len(days))]


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    assert Diary().make(7) == Diary().make(7) != Diary().make(8)
    found = sha256("".join(map(str, astuple(Diary().make(7)))).encode()).hexdigest()
    assert found[:16] == "e1aaa900aa5d6b7b"


def test_the_first_diary_of_a_seed_is_the_one_it_makes():
    once = list(itertools.islice(Diary().batches(5), 3))
    assert once[0] == Diary().make(5)
    assert len({d.evicted for d in once}) == 3


@pytest.mark.parametrize("sizes", [{"entries": 3}, {"window_entries": 0}, {"next_entries": 9000}])
def test_sizes_that_cannot_hold_the_facts_are_refused(sizes):
    with pytest.raises(UserError, match=r"facts|too long"):
        Diary(**sizes)


def test_a_long_diary_still_never_repeats_itself():
    diary = Diary(entries=366, window_entries=8, next_entries=26).make(1)
    said = sentences(diary.evicted) + sentences(diary.window) + sentences(diary.next)
    assert len(said) == len(set(said)) == 2000


def test_the_pools_are_large_and_none_stands_in_another_sentence():
    everyday = " ".join((*FILLERS, *SLOTS.values())).replace(";", " ").lower().split()
    assert min(len(set(p.split())) for p in (FIRST_NAMES, SURNAMES)) >= 40
    assert len(set(FILLERS)) >= 40
    for kind in KINDS:
        answers = kind.answers.lower().split()
        assert len({a[:3] for a in answers}) == len(answers) >= 24
        assert not set(answers) & set(everyday)
