"""Laws of conversations in scripts without spaces: guarded, looked up and forgotten like others."""

from dataclasses import dataclass

import pytest

from duotempo.archive.conversation_records import Line, Note, Turn, Version
from duotempo.archive.forget import forget_turns, traces
from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations
from duotempo.converse.chat_model import ChatModel
from duotempo.converse.conversation import Conversation
from duotempo.converse.model import PARTS, Finding
from duotempo.converse.raw import recalled
from duotempo.converse.sleep import pieces, stretches
from tests.converse.talks import Script

LIVES = {
    "chinese": ["我住在奥斯陆。", "我的妹妹是护士。", "我喜欢喝绿茶。", "我养了一只黑猫。"],
    "japanese": ["私はオスロに住んでいます。", "妹は看護師です。", "緑茶が大好きです。"],
    "thai": ["ฉันอาศัยอยู่ที่เมืองออสโล", "น้องสาวของฉันเป็นพยาบาล", "ฉันชอบดื่มชาเขียว"],
    "korean": [
        "저는 오슬로에 살고 있어요.",
        "제 여동생은 간호사로 일해요.",
        "저는 녹차를 좋아해요.",
    ],
    "hindi": ["मैं ओस्लो शहर में रहता हूँ।", "मेरी बहन अस्पताल में काम करती है।"],
}


@dataclass
class Reciting:
    """Notes what was said, and recites what it remembers, unless it forgets all."""

    forgets: bool = False
    context: int = 4000

    def size(self, text: str) -> int:
        """Letters."""
        return len(text)

    def remember(self, name, turns):
        """What was said."""
        return [Finding(turn.text, (turn.number,)) for turn in turns]

    def compress(self, name, notes, budget):
        """All notes, or what nobody said."""
        if self.forgets:
            return [Finding("???", (1,), PARTS[0])]
        return [Finding(note.text, (n,), PARTS[0]) for n, note in enumerate(notes, 1)]

    def reply(self, name, memory, turns) -> str:
        """The memory."""
        return "\n".join(line.text for line in memory) or "?"


@pytest.fixture
def person(tmp_path):
    """Somebody."""
    with Conversations(tmp_path / "talks.db") as talks:
        yield talks.of("ana")


@pytest.mark.parametrize("script", LIVES)
def test_a_memory_that_lost_what_was_said_is_refused(person, script):
    for text in LIVES[script]:
        person.tell("user", text)
    person.end_open()
    good = Conversation(person, Reciting()).sleep()
    many = len(LIVES[script])
    assert good.reason == f"kept: {many} of {many} probes right"
    person.tell("user", LIVES[script][0])
    person.end_open()
    assert Conversation(person, Reciting(forgets=True)).sleep() == good
    assert Memories(person).versions()[-1].reason.startswith("refused: 0 of")


def test_a_memory_that_no_probe_can_be_made_for_says_so(person):
    person.tell("user", "好。")
    person.end_open()
    version = Conversation(person, Reciting()).sleep()
    assert version.reason == "kept unproved: no probe could be made of what was said"


@pytest.mark.parametrize(
    ("said", "question", "found"),
    [
        (LIVES["chinese"], "你知道我的妹妹做什么吗？", "我的妹妹是护士。"),
        (LIVES["thai"], "น้องสาวของฉันทำอะไร", "น้องสาวของฉันเป็นพยาบาล"),
        (LIVES["korean"], "여동생이 뭐 해요?", "제 여동생은 간호사로 일해요."),
        (LIVES["hindi"], "मेरी बहन?", "मेरी बहन अस्पताल में काम करती है।"),
        (["私はｵｽﾛに住む", "緑茶が好き"], "オスロは？", "私はｵｽﾛに住む"),
    ],
)
def test_what_was_said_is_looked_up_by_its_letters(said, question, found):
    turns = [Turn(n, 1, n, "user", text, 0.0) for n, text in enumerate(said, 1)]
    lines = recalled(turns, question, 40, len, lambda turn: turn.text or "")
    assert found in [line.text for line in lines]


@pytest.mark.parametrize(
    ("said", "other", "note"),
    [
        ("저는 서울에 살아요", "차를 좋아해요", "사용자는 서울 사람"),
        ("मैं ओस्लो में रहता हूँ", "चाय अच्छी है", "घर: ओस्लो"),
        ("私は佐々木です", "お茶が好き", "名前は佐々木"),
        ("電話は１２３４５です", "お茶が好き", "番号12345"),
        ("ｵｽﾛに住んでいます", "お茶が好き", "街はオスロ"),
        ("ฉันอยู่เชียงใหม่", "ดื่มชา", "บ้าน: เชียงใหม่"),
    ],
)
def test_what_is_forgotten_goes_where_a_model_named_the_wrong_source(person, said, other, note):
    one, two = (person.tell("user", text).id for text in (said, other))
    person.end_open()
    memories = Memories(person)
    memories.note(1, [Note(1, note, (two,))])
    lines = [Line("portrait", note, (two,)), Line("portrait", other, (two,))]
    memories.propose(Version(0, None, 0.0, 1, kept=True, reason="because", lines=lines))
    assert list(traces(person, [note]))
    forget_turns(person, [one])
    assert [line.text for line in memories.version().lines] == [other]
    assert list(traces(person, [note, said])) == []


def test_a_long_text_without_spaces_is_read_in_pieces_that_fit():
    model = ChatModel(Script([], context=1000))
    text = "我住在奥斯陆" * 500
    parts = list(pieces(text, 300, model.size))
    assert "".join(parts) == text
    assert all(model.size(part) <= 300 for part in parts)
    assert model.size(text) >= len(text)
    assert stretches([], model) == []
