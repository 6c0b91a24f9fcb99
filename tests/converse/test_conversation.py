"""Laws of a conversation that remembers: its answers, its refusals, crashes that lose nothing."""

from dataclasses import replace

import pytest

from duotempo.archive.forget import forget_turns
from duotempo.archive.memories import Memories
from duotempo.converse.guard import worse
from duotempo.converse.invented import Invented
from duotempo.converse.model import Said
from duotempo.converse.probes import right
from duotempo.core import UserError
from duotempo.tasks.sessions import Life
from duotempo.tasks.sessions_forms import oracle, telling
from tests.converse.talks import invented, told

LIFE = Life(5, 12)


def lying(prompt: str) -> str:
    """A model that loses its memory when it compresses."""
    return "portrait : relation : recap : end" if prompt.startswith("compress") else oracle(prompt)


@pytest.mark.parametrize("every", [1, 3])
def test_what_was_told_in_any_session_is_answered(tmp_path, every):
    talk = invented(tmp_path, LIFE, every=every)
    for number in range(1, 13):
        told(talk.person, LIFE, number)
        talk.sleep(now=False)
    assert len(Memories(talk.person).versions()) == 12 // every
    for question in LIFE.questions(12):
        assert right(talk.say(question.text), question.answer)
    last = talk.person.sessions()[-1]
    assert (last.number, last.ended) == (13, None)
    talk.end()
    assert talk.person.sessions()[-1].ended is not None


def test_every_sentence_rests_on_turns_that_say_it(tmp_path):
    talk = invented(tmp_path, LIFE)
    for number in range(1, 13):
        told(talk.person, LIFE, number)
    talk.sleep()
    assert talk.memory
    for line in talk.memory:
        turns = talk.person.turns(ids=line.turns)
        assert turns
        values = [telling()[turn.text][1] for turn in turns]
        assert values[0] in line.text.split() or values[-1] in line.text.split()


def test_a_memory_that_answers_worse_is_refused_and_the_old_one_stays(tmp_path):
    talk = invented(tmp_path, LIFE)
    for number in range(1, 9):
        told(talk.person, LIFE, number)
    good = talk.sleep()
    assert good is not None
    assert good.kept
    told(talk.person, LIFE, 9)
    liar = replace(talk, model=Invented(lying))
    assert liar.sleep() == good
    last = Memories(talk.person).versions()[-1]
    assert not last.kept
    assert last.reason.startswith("refused")
    assert talk.pending() == []
    told(talk.person, LIFE, 10)  # what the refused sleep read is not lost for the next
    better = talk.sleep()
    assert better is not None
    assert (better.kept, better.until, better.parent) == (True, 10, good.number)


def test_what_a_model_garbles_waits_and_is_read_again(tmp_path):
    def garbled(prompt: str) -> str:
        return "no number end" if prompt.startswith("remember") else oracle(prompt)

    talk = invented(tmp_path, LIFE)
    told(talk.person, LIFE, 1)
    broken = replace(talk, model=Invented(garbled))
    broken.sleep()
    session = talk.person.sessions()[0]
    assert (session.noted, session.tries) == (False, 1)
    assert "no number" in session.fault
    assert len(talk.person.turns(1)) == len(LIFE.sessions[0].turns)
    broken.sleep()
    broken.sleep()
    assert broken.pending() == []  # three tries are enough
    assert replace(talk, settings=replace(talk.settings, tries=4)).pending() == [1]
    replace(talk, settings=replace(talk.settings, tries=4)).sleep()
    assert talk.person.sessions()[0].noted
    assert talk.memory


def test_a_crash_in_the_middle_of_a_sleep_changes_nothing_and_is_made_good(tmp_path):
    def crashing(prompt: str) -> str:
        if prompt.startswith("compress"):
            raise KeyboardInterrupt
        return oracle(prompt)

    talk = invented(tmp_path, LIFE)
    for number in (1, 2):
        told(talk.person, LIFE, number)
        talk.sleep()
    before = Memories(talk.person).version()
    told(talk.person, LIFE, 3)
    with pytest.raises(KeyboardInterrupt):
        replace(talk, model=Invented(crashing)).sleep()
    assert Memories(talk.person).version() == before
    assert talk.pending() == [3]
    assert talk.sleep().until == 3


def test_replaying_the_log_rebuilds_every_version(tmp_path):
    """The same turns and the same model make the same memories, version by version."""
    lines = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        talk = invented(folder, LIFE)
        for number in range(1, 9):
            told(talk.person, LIFE, number)
            talk.sleep()
        memories = Memories(talk.person)
        lines.append([memories.version(v.number).lines for v in memories.versions()])
    assert lines[0] == lines[1]
    assert len(lines[0]) == 8


def test_more_notes_than_fit_are_compressed_in_groups_from_the_sources(tmp_path):
    talk = invented(tmp_path, LIFE, Invented(context=1000))
    for number in range(1, 13):
        told(talk.person, LIFE, number)
    talk.sleep()
    known = LIFE.known(12)
    said = {slot.note(LIFE.name, each.now.value) for slot, each in known.items()}
    assert {line.text.partition(" @")[0] for line in talk.memory} == said


def test_a_session_of_nothing_is_noted_as_nothing(tmp_path):
    talk = invented(tmp_path, LIFE)
    talk.person.end(talk.person.begin())
    version = talk.sleep()
    assert version is not None
    assert version.lines == []
    assert talk.person.sessions()[0].noted


def test_a_long_session_is_shown_from_its_end(tmp_path):
    talk = invented(tmp_path, LIFE, Invented(context=40))
    session = talk.person.begin()
    for n in range(20):
        talk.person.say(
            session, ("user", "assistant")[n % 2], f"i live in {('oslo', 'rome')[n % 2]} ."
        )
    kept = talk.fitting([Said(t.number, t.role, t.text) for t in talk.person.turns()], [])
    assert 0 < len(kept) < 20
    assert kept[-1].number == 20


@pytest.mark.parametrize(
    ("losses", "wins", "refused"),
    [(0, 0, False), (1, 0, False), (2, 0, True), (3, 2, False), (6, 2, True)],
)
def test_the_guard_counts_what_differs(losses, wins, refused):
    mine = [False] * losses + [True] * wins + [True] * 5
    theirs = [True] * losses + [False] * wins + [True] * 5
    assert worse(mine, theirs, 1.0) is refused


@pytest.mark.parametrize(("context", "said"), [(810, "two notes"), (830, "do not shrink")])
def test_a_model_that_cannot_shrink_its_notes_is_told(tmp_path, context, said):
    talk = invented(tmp_path, LIFE, Invented(context=context))
    for number in range(1, 13):
        told(talk.person, LIFE, number)
    talk.sleep()
    assert said in Memories(talk.person).versions()[-1].reason


def test_what_is_forgotten_while_a_sleep_goes_on_is_in_no_memory(tmp_path):
    class Late(Invented):
        def compress(self, name, notes, budget):
            found = super().compress(name, notes, budget)
            forget_turns(talk.person, [1])
            return found

    life = Life(3, 1)
    talk = invented(tmp_path, life, Late())
    told(talk.person, life, 1)
    with pytest.raises(UserError, match="forgotten while"):
        talk.sleep()
    assert Memories(talk.person).versions() == []
    assert replace(talk, model=Invented()).sleep() is not None
