"""Laws of needles: told once, asked honestly, nowhere by accident; a stream is one long text."""

import re
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.core import UserError
from duotempo.tasks.batch import score
from duotempo.tasks.facts import CUE, LONGEST, TABLE, Fact, apart, decoys, insert
from duotempo.tasks.needle import Needle, haystack, oracle
from duotempo.tasks.needle_words import DECOYS, HELD_OUT_WORDS, KINDS, TRAIN_WORDS, WORDS
from duotempo.tasks.seeds import seeded

ALL = ("key", "number", "passkey", "word")
MANY = Needle(kinds=ALL, needles=(2, 4), asked=None, lengths=(512, 700), tokens=1400, decoys=4.0)


def rows(batch):
    """Each whole text of a batch with the answers it asks for."""
    for tokens, targets, asked in zip(batch.tokens, batch.targets, batch.answers, strict=True):
        runs = re.findall(b"1+", bytes((asked + ord("0")).tolist()))
        answers, left = [], bytes(targets[asked].tolist())
        for run in runs:
            answers.append(left[: len(run)])
            left = left[len(run) :]
        yield bytes(tokens.tolist()) + bytes(targets[-1:].tolist()), answers


@st.composite
def tasks(draw):
    """Settings of a task; not the task itself: the type checker of the tests draws at random."""
    kinds = tuple(draw(st.lists(st.sampled_from(ALL), min_size=1, max_size=4)))
    most = 4 if any(TABLE[k].named for k in kinds) else 1
    return {
        "kinds": kinds,
        "needles": tuple(draw(st.lists(st.integers(1, most), min_size=1, max_size=2))),
        "asked": draw(st.sampled_from((None, 1, 3, 5))),
        "lengths": tuple(draw(st.lists(st.integers(420, 900), min_size=1, max_size=2))),
        "tokens": 1800,
        "depth": tuple(sorted((draw(st.floats(0, 1)), draw(st.floats(0, 1))))),
        "decoys": draw(st.sampled_from((0.0, 3.0, 30.0))),
        "invented": draw(st.sampled_from((0.0, 0.5, 1.0))),
        "split": draw(st.sampled_from(("train", "held-out"))),
    }


@given(tasks(), st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_every_question_is_answered_by_the_text(chosen, index):
    task = Needle(**chosen)
    batch = task.batch(1, index)
    length = batch.tokens.shape[1]
    assert length in task.lengths
    assert len(batch.tokens) == task.tokens // length
    for text, answers in rows(batch):
        assert list(oracle(text)) == [answer.rstrip(b".") for answer in answers]
        assert text.endswith(b".")
        assert len(answers) in ({task.asked} if task.asked else set(task.needles))


@given(st.integers(0, 10**9))
@settings(max_examples=30, deadline=None)
def test_an_answer_stands_only_where_it_is_told_and_asked(index):
    for text, answers in rows(MANY.batch(2, index)):
        told = [answer for _, answer in CUE.findall(text)]
        assert len(told) == 2 * len(answers)
        for answer in answers:
            assert text.lower().count(answer.rstrip(b".")) == 2


@given(st.integers(0, 10**9))
@settings(max_examples=20, deadline=None)
def test_the_oracle_reads_the_text_and_not_the_question(index):
    for text, answers in rows(MANY.batch(3, index)):
        struck = text
        for answer in answers:
            at = struck.rindex(answer)
            struck = struck[:at] + b"?" * len(answer) + struck[at + len(answer) :]
        assert oracle(struck) == oracle(text)


@pytest.mark.parametrize(
    "prose",
    [
        b"He owed 48213 pounds.",
        b"It was 9482137.",
        b"Marble and slate.",
        b"marbles",
        b"He said: The pass key is lost.",
        b"There: The last key is here.",
    ],
)
def test_prose_that_holds_an_answer_or_a_cue_by_accident_is_noticed(prose):
    facts = [
        Fact("key", b" The copper key is ", b"48213"),
        Fact("word", b" The secret word is ", b"marble"),
    ]
    assert not apart(facts, prose)
    assert apart(facts, b"He owed 4821 pounds for a copper key; the secret word was slate.")
    clash = Fact("key", b" The marble key is ", b"55555")
    assert not apart([*facts, clash], b"")


def test_prose_is_drawn_again_until_it_holds_no_answer(tmp_path):
    """Numbers of all but a few pass keys stand in this text; what is told is one of those few."""
    there = [f"{n:05}" for n in range(100_000) if n % 3]
    (tmp_path / "digits.txt").write_text(" ".join(there))
    stream = haystack(Needle(source=str(tmp_path / "digits.txt"), split="whole"), 0, rows=16)
    assert all(int(facts[0].answer) % 3 == 0 for facts in stream.facts)


def test_a_false_answer_is_not_right():
    batch = Needle().batch(0, 0)
    wrong = torch.where(batch.targets == ord("7"), ord("8"), batch.targets)
    assert score(wrong, batch).exact < 1


def test_the_depth_is_where_it_was_asked_to_be():
    for depth in (0.0, 0.25, 0.5, 1.0):
        task = Needle(lengths=(1024,), depth=(depth, depth))
        for text, _ in rows(task.batch(0, 0)):
            at = CUE.search(text).start()
            assert -1 < at - depth * (1025 - 46) <= 100


def test_several_are_asked_in_random_order_and_again():
    task = Needle(kinds=("key",), needles=(4,), asked=8, lengths=(700,), tokens=14000)
    orders, rounds = set(), set()
    for _, answers in rows(task.batch(0, 0)):
        assert set(answers[:4]) == set(answers[4:])
        assert len(set(answers)) == 4
        orders.add(tuple(sorted(answers).index(a) for a in answers[:4]))
        rounds.add(answers[:4] == answers[4:])
    assert len(orders) > 8
    assert False in rounds, "each round has its own order"


def test_lengths_are_mixed_over_the_batches():
    task = Needle(lengths=(256, 512), tokens=512)
    shapes = [tuple(task.batch(0, i).tokens.shape) for i in range(40)]
    assert set(shapes) == {(2, 256), (1, 512)}
    assert 10 < shapes.count((1, 512)) < 30


def test_decoys_come_at_their_rate_and_are_no_needles():
    task = Needle(lengths=(2000,), tokens=200_000, decoys=5.0)
    random = seeded(0)
    counts = [len(task._decoys(random, 2000)) for _ in range(400)]
    assert sum(counts) / 400 == pytest.approx(10, abs=1)
    for told in decoys(random, 500, False):
        assert not CUE.search(told)
        assert b"#" not in told
        assert b"@" not in told


def test_held_out_words_are_said_by_no_training_text():
    task = Needle(kinds=("word",), invented=0.0, lengths=(256,), tokens=256 * 30)
    train = {a for _, answers in rows(task.batch(0, 0)) for a in answers}
    test = {a for _, answers in rows(replace(task, split="held-out").batch(0, 0)) for a in answers}
    assert {a.decode().rstrip(".") for a in train} <= set(TRAIN_WORDS)
    assert {a.decode().rstrip(".") for a in test} <= set(HELD_OUT_WORDS)
    assert not train & test


def test_the_words_and_forms_fit_their_patterns():
    words = WORDS.split()
    assert words == sorted(set(words))
    assert set(TRAIN_WORDS) | set(HELD_OUT_WORDS) == set(words)
    assert not set(TRAIN_WORDS) & set(HELD_OUT_WORDS)
    assert len(HELD_OUT_WORDS) > 100
    assert all(re.fullmatch(f"[a-z]{{4,{LONGEST}}}", word) for word in words)
    for kind in KINDS:
        assert kind.form.startswith(" ")
        assert kind.form.endswith("{a}.")
        assert kind.form.count("{a}") == 1
        assert TABLE[kind.name] is kind
    assert all(form[0] in " \n" for form in DECOYS)


@pytest.mark.parametrize(("kind", "signs"), [("passkey", b"0123456789"), ("word", None)])
def test_chance_is_what_a_blind_guess_gets(kind, signs):
    task = Needle(kinds=(kind,), invented=0.0, lengths=(128,), tokens=128 * 1500)
    batch = task.batch(0, 0)
    signs = torch.tensor(list(signs or b"abcdefghijklmnopqrstuvwxyz."))
    made = torch.Generator().manual_seed(0)
    guess = signs[torch.randint(len(signs), batch.targets.shape, generator=made)]
    found = score(guess, batch)
    assert found.token == pytest.approx(task.chance_token, rel=0.15)
    assert found.exact <= 3 / 1500
    assert task.chance == {"passkey": 1e-5, "word": 1 / len(TRAIN_WORDS)}[kind]


def test_a_piece_goes_before_white_space():
    assert insert(b"one two three", [(5, b" X.")]) == b"one two X. three"
    assert insert(b"one two", [(0, b" X."), (7, b" Y."), (5, b" Z.")]) == b"one X. two Y. Z."
    assert insert("naïve Zoë".encode(), [(3, b" X.")]).decode() == "naïve X. Zoë"


@pytest.mark.parametrize("pieces", [1, 7, 100, 4096])
def test_a_stream_may_be_cut_anywhere(pieces):
    stream = haystack(replace(MANY, split="held-out"), 3, rows=3, within=(50, 300))
    whole = stream.read(0, 1200)
    cut = torch.cat(list(stream.pieces(1200, pieces)), 1)
    assert torch.equal(whole, cut)
    assert torch.equal(whole[:, 500:], torch.cat(list(stream.pieces(1200, pieces, 500)), 1))


@pytest.mark.parametrize("decoys", [0.0, 5.0])
def test_a_stream_tells_its_facts_once_and_asks_a_copy(decoys):
    task = replace(MANY, needles=(3,), split="held-out", decoys=decoys)
    stream = haystack(task, 3, rows=4, within=(100, 900))
    length = len(stream.text) + 5000  # once round and on
    for at in (2500, length):
        read = torch.cat(list(stream.pieces(at)), 1)
        for which in range(3):
            batch = stream.question(at, which)
            for row, facts, (asked, answers) in zip(read, stream.facts, rows(batch), strict=True):
                text = bytes(row.tolist())
                assert text.count(facts[which].told) == 1
                assert text.count(facts[which].answer) == 1
                assert 100 <= text.index(facts[which].cue) < 900 + 256 + 200
                assert oracle(text + asked) == (facts[which].answer,)
                assert answers[0].rstrip(b".") == facts[which].answer


def test_a_stream_goes_round_in_its_text():
    stream = haystack(Needle(split="held-out"), 0, rows=2)
    whole = bytes(stream.text.tolist())
    for row, later in zip(stream.read(5000, 300), stream.read(len(whole) + 5000, 300), strict=True):
        assert torch.equal(row, later)
        assert bytes(row.tolist()) in whole * 2
    around = stream.read(5000, len(whole))
    assert all(sorted(row.tolist()) == sorted(whole) for row in around)


def test_a_question_goes_on_in_the_prose_of_its_stream():
    stream = haystack(Needle(split="held-out"), 0, rows=2)
    batch = stream.question(5000, length=128)
    assert batch.tokens.shape == (2, 128)
    assert torch.equal(batch.tokens[:, :100], stream.read(5000, 100))
    assert stream.question(5000).tokens.shape == (2, len(" The pass key is 48213.") - 1)


def test_a_stream_is_that_of_its_seed():
    task = Needle(split="held-out")
    one, same, other = (haystack(task, seed, rows=2) for seed in (1, 1, 2))
    assert torch.equal(one.read(0, 3000), same.read(0, 3000))
    assert not torch.equal(one.read(0, 3000), other.read(0, 3000))
    assert torch.equal(haystack(task, 1, rows=5).read(0, 3000)[:2], one.read(0, 3000))


@pytest.mark.parametrize(
    ("settings", "mend"),
    [
        ({"kinds": ("song",)}, "use one or more of passkey"),
        ({"kinds": ()}, "use one or more"),
        ({"needles": (2,)}, "add a kind with names"),
        ({"needles": ()}, "between 1 and 1"),
        ({"needles": (0,)}, "between 1 and 1"),
        ({"asked": 0}, "None for all"),
        ({"depth": (0.5, 0.2)}, "low, high"),
        ({"depth": (0.0, 1.1)}, "low, high"),
        ({"decoys": -1.0}, "not below 0"),
        ({"invented": 1.5}, "a share"),
        ({"lengths": (40,)}, "between 46 bytes"),
        ({"lengths": ()}, "between 46 bytes"),
        ({"lengths": (8192,)}, "tokens=4096"),
        ({"split": "test"}, "use one of"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, mend):
    with pytest.raises(UserError, match=mend):
        Needle(**settings)


def test_a_text_full_of_needles_is_refused(tmp_path):
    (tmp_path / "full.txt").write_text(" The pass key is 12345. " * 200)
    task = Needle(source=str(tmp_path / "full.txt"), split="whole")
    with pytest.raises(UserError, match="another source"):
        task.batch(0, 0)
    with pytest.raises(UserError, match="another source"):
        haystack(task, 0)


def test_streams_and_questions_that_cannot_be_are_refused():
    stream = haystack(Needle(split="held-out"), 0, rows=1)
    with pytest.raises(UserError, match="numbered from 0"):
        stream.question(100, which=1)
    with pytest.raises(UserError, match="needs 22 tokens"):
        stream.question(100, length=10)
    with pytest.raises(UserError, match="at least 1"):
        list(stream.pieces(10, 0))
    with pytest.raises(UserError, match="at least 1"):
        haystack(Needle(), 0, rows=0)
