"""Questions answered from looked-up sentences: the prompt that puts them before the model."""

from collections.abc import Sequence

from transformers import PreTrainedTokenizerBase


def question_prompt(
    tokenizer: PreTrainedTokenizerBase, question: str, sentences: Sequence[str]
) -> str:
    """A chat turn (plain text for a model without a chat template): the sentences, the question."""
    content = "\n".join([*sentences, "", question]) if sentences else question
    if tokenizer.chat_template is None:
        return f"{content}\nAnswer:"
    turn = [{"role": "user", "content": content}]
    return str(tokenizer.apply_chat_template(turn, tokenize=False, add_generation_prompt=True))
