"""Laws of replies to many: what each would be alone, at once where that can be, never a crash."""

from collections.abc import Sequence

from duotempo.archive.conversation_records import Line
from duotempo.converse.invented import Invented
from duotempo.converse.model import Many, Said, Unreadable, replies
from duotempo.converse.probes import Probe, answered
from duotempo.tasks.sessions_forms import oracle

MEMORY = [Line("portrait", "ana lives in oslo @3", (1,))]
ASKED = [
    (memory, [Said(1, "user", text)])
    for memory in (MEMORY, ())
    for text in ("where do i live ?", "what do i play ?")
]


class Counting:
    """The oracle, which can be asked for many at once and counts how often it was."""

    def __init__(self) -> None:
        self.once, self.said = 0, {}

    def __call__(self, prompt: str) -> str:
        return self.said.get(prompt) or oracle(prompt)

    def all(self, prompts: Sequence[str]) -> None:
        """All of them."""
        self.once += 1
        self.said |= {prompt: oracle(prompt) for prompt in prompts}


class Mute:
    """A model of which every second reply cannot be read."""

    context = 100

    def __init__(self) -> None:
        self.calls = 0

    def size(self, text: str) -> int:
        """Words."""
        return len(text.split())

    def remember(self, name, turns):
        """Nothing."""
        return []

    def compress(self, name, notes, budget):
        """Nothing."""
        return []

    def reply(self, name, memory, turns) -> str:
        """Fails at every second call."""
        self.calls += 1
        if self.calls % 2 == 0:
            raise Unreadable("it did not come to an end")
        return "oslo"


def test_many_replies_are_what_each_is_alone():
    model = Invented(Counting())
    assert isinstance(model, Many)
    assert replies(model, "ana", ASKED) == [model.reply("ana", *each) for each in ASKED]
    assert model.speak.once == 1


def test_a_reply_that_cannot_be_read_is_nothing_and_the_others_stand():
    assert not isinstance(Mute(), Many)
    assert replies(Mute(), "ana", ASKED) == ["oslo", "", "oslo", ""]
    assert replies(Invented(lambda prompt: "you live"), "ana", ASKED) == [""] * 4


def test_a_guard_counts_what_cannot_be_read_as_wrong():
    probes = [Probe("where do i live ?", "oslo", (1,))] * 4
    assert answered(Mute(), "ana", MEMORY, probes) == [True, False, True, False]
