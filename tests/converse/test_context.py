"""Laws of a chat model's context: what it is asked, our prompt and its answer fit in, always."""

from collections.abc import Sequence

import pytest

from duotempo.archive.memories import Memories
from duotempo.archive.people import Conversations
from duotempo.converse.chat_model import ChatModel, Message, prompts
from duotempo.converse.conversation import Conversation
from duotempo.converse.endpoint import CONTEXT, LEAST
from duotempo.converse.sleep import Settings

SAID = ("My cousin number {n} lives in Bergen.", "我的第{n}个表弟住在卑尔根。")


class Strict:
    """A chat that refuses what is beyond its context, as servers do, and garbles first answers."""

    def __init__(self, context: int, garbles: bool) -> None:
        self.context, self.garbles = context, garbles
        self.asked = 0

    def chat(self, messages: Sequence[Message], longest: int) -> str:
        """A note or a sentence for every line that it is shown, as far as it may go on."""
        read = sum(size(message["content"]) for message in messages)
        assert read + longest <= self.context
        self.asked += 1
        asked = messages[0]["content"]
        if self.garbles and "could not be read" not in messages[-1]["content"]:
            return "x y " * (longest // 2)
        if "Your notes" in asked:
            lines = [line for line in asked.split("====")[1].splitlines() if line.strip()]
            return "\n".join(f"- {line.split(' ')[0]} {line[5:]}" for line in lines[:8])
        return "# portrait\n- [1] Ana has cousins." if "portrait" in asked else "?"


def size(text: str) -> int:
    """Tokens as the model counts them."""
    return ChatModel(Strict(CONTEXT, False)).size(text)


@pytest.mark.parametrize("garbles", [False, True])
@pytest.mark.parametrize("said", SAID, ids=["english", "chinese"])
@pytest.mark.parametrize(("context", "budget"), [(LEAST, 400), (LEAST, 20), (4096, 400)])
def test_whatever_is_asked_fits(tmp_path, context, budget, said, garbles):
    chat = Strict(context, garbles)
    with Conversations(tmp_path / "t.db") as talks:
        talk = Conversation(talks.of("ana"), ChatModel(chat), Settings(9999, budget, probes=4))
        for session in range(context // 100):
            for n in range(6):
                talk.person.tell("user", said.format(n=10 * session + n))
            talk.end()
        version = talk.sleep()
        assert version is not None
        assert [line.text for line in version.lines] == ["Ana has cousins."]
        assert len(Memories(talk.person).notes()) == context // 100 * 6
    assert chat.asked > context // 100


def test_a_context_is_what_is_left_beside_our_prompts():
    model = ChatModel(Strict(CONTEXT, False))
    longest = max(map(model.size, prompts("en").values()))
    assert CONTEXT - 600 < model.context <= CONTEXT - longest
