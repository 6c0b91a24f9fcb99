"""Laws of long sessions: every turn is read once, in stretches that fit, the whole stays kept."""

from hypothesis import given, settings
from hypothesis import strategies as st

from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations
from duotempo.converse.model import Finding, Said
from duotempo.converse.sleep import STRETCH, noted, stretches


class Reader:
    """Notes every turn it is shown, and refuses more than it can read."""

    def __init__(self, context: int = 50) -> None:
        self.context, self.read = context, 0

    def size(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def remember(self, name, turns):
        """A note a turn."""
        assert sum(self.size(turn.text) for turn in turns) <= self.context * STRETCH
        self.read += 1
        return [Finding(turn.text, (turn.number,)) for turn in turns]

    def compress(self, name, notes, budget):
        """Nothing."""
        return []

    def reply(self, name, memory, turns):
        """Nothing."""
        return "yes"


@given(st.lists(st.integers(1, 60), max_size=12))
@settings(max_examples=60, deadline=None)
def test_all_turns_are_read_once_in_order(sizes):
    turns = [Said(n, "user", " ".join(["word"] * size)) for n, size in enumerate(sizes, 1)]
    parts = stretches(turns, Reader())
    for turn in turns:
        read = [each.text for part in parts for each in part if each.number == turn.number]
        assert "".join(read) == turn.text
    numbers = [turn.number for part in parts for turn in part]
    assert numbers == sorted(numbers)
    for part in parts:
        assert part
        assert sum(Reader().size(turn.text) for turn in part) <= 50 * STRETCH
    for turn in turns:
        if len(turn.text.split()) <= 20:
            assert turn in [each for part in parts for each in part]


def test_a_session_beyond_the_context_is_noted_and_its_turns_stay_whole(tmp_path):
    with Conversations(tmp_path / "talks.db") as talks:
        person, model = talks.of("ana"), Reader()
        session = person.begin()
        said = [" ".join([f"w{n}"] * 30) for n in range(5)]
        for text in said:
            person.say(session, "user", text)
        person.end(session)
        assert noted(person, model, session)
        assert model.read == 10  # 30 words are two stretches
        said_twice = [note.turns for note in Memories(person).notes()]
        assert said_twice == [(turn.id,) for turn in person.turns() for _ in "ab"]
        assert [turn.text for turn in person.turns()] == said
