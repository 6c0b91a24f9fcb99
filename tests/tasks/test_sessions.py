"""Laws of the invented people: what they tell is what a memory must hold, in any wording."""

import subprocess
import sys
from random import Random

import pytest

from duotempo.core import UserError
from duotempo.tasks.sessions import SLOTS, Life
from duotempo.tasks.sessions_forms import (
    beginning,
    cited,
    compress,
    compressed,
    memory_text,
    oracle,
    remember,
    reply,
    telling,
    together,
)
from duotempo.tasks.sessions_rows import KINDS, Sessions, decoded, encoded, words
from duotempo.tasks.sessions_words import ATTRIBUTES, UNKNOWN

SEEDS = range(8)


def notes_of(life: Life, until: int) -> list[str]:
    """All facts up to a session as numbered and dated notes."""
    facts = [fact for session in life.sessions[:until] for fact in session.facts]
    said = [f"{f.slot.note(life.name, f.value)} @{f.session}" for f in facts]
    return [cited(note, number) for number, note in enumerate(said, 1)]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_oracle_notes_what_was_told_and_nothing_else(seed):
    life = Life(seed, 20)
    for session in life.sessions:
        said = [f"{f.slot.note(life.name, f.value)} [{f.turn}]" for f in session.facts]
        assert oracle(remember(life.name, session.turns)) == f"{' ; '.join(said)} end"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("raw", [False, True])
def test_every_question_is_answered_from_a_memory_or_from_raw_lines(seed, raw):
    life = Life(seed, 40)
    lines = compressed(life.name, notes_of(life, 40))
    context = memory_text(lines, life.name, refs=False)
    if raw:
        told = [(s.number, s.turns[f.turn - 1]) for s in life.sessions for f in s.facts]
        context = " ".join(f"@{number} user {text}" for number, text in told)
    questions = life.questions(40)
    assert {question.kind for question in questions} == {"now", "before", "unknown"}
    for question in questions:
        assert oracle(reply(context, [question.text])) == f"{question.reply} . end"


def test_what_the_session_says_leads_over_the_memory():
    context = "portrait : ana lives in oslo @3 relation : recap :"
    turns = ["i moved to rome .", "nice .", "where do i live ?"]
    assert oracle(reply(context, turns)) == "you live in rome . end"
    turns[-1] = "where did i live before ?"
    assert oracle(reply(context, turns)) == "before that it was oslo . end"


@pytest.mark.parametrize("seed", SEEDS)
def test_a_memory_of_a_memory_and_what_came_since_is_the_memory_of_all(seed):
    """For an oracle rewriting loses nothing: what is lost in a study is the model's doing."""
    life, name = Life(seed, 30), Life(seed).name
    early = compressed(name, notes_of(life, 15))
    later = notes_of(life, 30)[len(notes_of(life, 15)) :]
    two = compressed(name, [cited(line.text(name), 1) for line in early] + later)
    one = compressed(name, notes_of(life, 30))
    assert [line.text(name) for line in two] == [line.text(name) for line in one]


def test_subject_and_condition_stay_in_every_note():
    for slot in SLOTS:
        for value in ATTRIBUTES[slot.attribute].values:
            note = slot.note("ana", value)
            assert "ana" in note
            assert value in note.split()
            assert slot.subject == "self" or f"ana 's {slot.subject}" in note
    notes = [slot.note("ana", "chess") for slot in SLOTS if slot.attribute in ("rain", "sun")]
    assert len(set(notes)) == 2


def test_no_wording_means_two_things():
    said = [text for s in SLOTS for v in ATTRIBUTES[s.attribute].values for text in s.ways(v)]
    assert len(said) == len(set(said)) == len(telling())
    asked = [text for slot in SLOTS for text in (*slot.questions(), slot.before())]
    assert len(asked) == len(set(asked))


def test_compression_keeps_both_sides_of_a_change_and_their_sources():
    notes = ["ana lives in rome @2 [4]", "ana lives in oslo @5 [7]", "ana lives in oslo @6 [9]"]
    wanted = "ana lives in oslo @6 [9] , before rome @2 [4]"
    assert oracle(compress("ana", notes)) == f"portrait : {wanted} relation : recap : end"
    alone = cited("ana lives in oslo @6 , before rome @2", 3)
    assert oracle(compress("ana", [alone])) == f"portrait : {alone} relation : recap : end"


@pytest.mark.parametrize("kind", KINDS)
def test_every_prompt_and_output_is_made_of_known_words(kind):
    task, random = Sessions(), Random(4)
    for _ in range(60):
        prompt = task.prompt(kind, random)
        text = f"{prompt} {oracle(prompt)}"
        assert decoded(encoded(text)) == text
        assert len(encoded(text)) < 2000
    assert len(words()) == len(set(words()))


def test_batches_of_a_single_task_have_no_other():
    batch = Sessions(("reply",)).batch(0, 1)
    assert all(decoded(row.tolist()).startswith("reply :") for row in batch.tokens)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_compressed_in_groups_is_what_all_of_it_is_at_once(seed):
    life = Life(seed, 64)
    notes = notes_of(life, 64)
    groups = together(notes)
    assert sorted(note for group in groups for note in group) == sorted(notes)
    assert all(len(group) <= 12 or len({*map(str, beginnings(group))}) == 1 for group in groups)
    parts = [line for group in groups for line in compressed(life.name, group)]
    assert parts == compressed(life.name, notes)


def beginnings(notes: list[str]) -> list[list[str]]:
    """How notes begin."""
    return [beginning(note) for note in notes]


@pytest.mark.parametrize("wrong", [{"kinds": ()}, {"kinds": ("sing",)}, {"longest": 99}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(UserError, match="sessions"):
        Sessions(**wrong)
    with pytest.raises(UserError, match="sessions"):
        Life(0, length=100)
    with pytest.raises(UserError, match="no word of the invented world"):
        encoded("i live in atlantis .")


def test_people_load_without_torch():
    code = "import sys, duotempo.tasks.sessions_forms; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("longest", [2, 64])
def test_chance_is_to_say_that_nothing_was_told(longest):
    task, random = Sessions(("reply",), longest), Random(1)
    said = [oracle(task.prompt("reply", random)).startswith(UNKNOWN) for _ in range(600)]
    assert sum(said) / len(said) == pytest.approx(task.chance, abs=0.05)
