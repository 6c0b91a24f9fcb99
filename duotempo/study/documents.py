"""Documents for the reader's studies: a history, the text that follows, facts to ask for."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from duotempo.core import UserError
from duotempo.tasks import text
from duotempo.tasks.diary import Diary, Fact
from duotempo.tasks.prose import FOLDER

KINDS = ("diary", "prose")
PART = 512  # tokens of one continuation
PARTS = 3  # continuations scored for each document
SHORT = 1024  # tokens of a shortened history
PROSE_HISTORY = 3072 + 512  # tokens of prose read before the continuations
# Prose of a reporting seed: a novel, and how far into it the stretch begins. Development seeds
# (below 100) begin elsewhere.
STRETCHES = {
    100: ("mansfield-park", 0.20),
    101: ("emma", 0.25),
    102: ("pride-and-prejudice", 0.40),
    103: ("sense-and-sensibility", 0.30),
    104: ("mansfield-park", 0.60),
    105: ("emma", 0.65),
    106: ("pride-and-prejudice", 0.70),
    107: ("sense-and-sensibility", 0.75),
    0: ("emma", 0.45),
    1: ("mansfield-park", 0.45),
    2: ("sense-and-sensibility", 0.55),
    3: ("pride-and-prejudice", 0.55),
}
FIRST_REPORTED = 100

Parts = tuple[Int[Tensor, " read"], Int[Tensor, " after"], tuple[Fact, ...], str]


@dataclass(frozen=True)
class Document:
    """Token ids of what is read and of what follows; facts only in diaries.

    `other` is prose by the same hand that was not read, `manual` technical documentation: both
    measure damage.
    """

    kind: str
    seed: int
    history: Int[Tensor, " read"]
    following: Int[Tensor, " after"]
    other: Int[Tensor, " other"]
    manual: Int[Tensor, " manual"]
    facts: tuple[Fact, ...]
    text: str

    def evicted(self, window: int) -> Int[Tensor, " evicted"]:
        """What has left a window of so many tokens."""
        return self.history[:-window]

    def shortened(self) -> "Document":
        """The end of the document, for a quick run; facts that stand earlier are left out."""
        history = self.history[-SHORT:]
        facts = self.facts[-4:]
        return replace(self, history=history, facts=facts)


def novels() -> Path | None:
    """The folder of novels, or None when the variable that names it is not set."""
    folder = os.environ.get(FOLDER)
    return Path(folder) if folder else None


def novel(name: str) -> text.Text:
    """One novel of the folder; raises `UserError` when it is not there."""
    folder = novels()
    for ending in (".txt", ".txt.gz"):
        if folder and (folder / f"{name}{ending}").exists():
            return text.load(folder / f"{name}{ending}")
    raise UserError(
        f"the novel {name!r} was not found: set {FOLDER} to a folder that holds {name}.txt (or .gz)"
    )


def inputs(published: bool) -> dict[str, str]:
    """Every text that documents are made of, by name, with its sha256.

    Raises `UserError` when the numbers are to be published and the novels are not there.
    """
    if published and not novels():
        raise UserError(
            f"the full study reads four novels: set {FOLDER} to a folder that holds them, "
            "or take --size smoke"
        )
    names = sorted({name for name, _ in STRETCHES.values()}) if novels() else []
    found = [text.default_text(), *(novel(name) for name in names)]
    return {f"text {each.name}": each.sha256 for each in found}


def document(kind: str, seed: int, tokenizer: PreTrainedTokenizerBase) -> Document:
    """The document of a seed; prose without the novels comes from `pydoc_data.topics`."""
    if novels() and seed not in STRETCHES:
        known = ", ".join(map(str, sorted(STRETCHES)))
        raise UserError(f"no stretch of the novels belongs to seed {seed}: use one of {known}")
    if kind not in KINDS:
        raise UserError(f"document kind {kind!r} is unknown: use one of {', '.join(KINDS)}")
    history, following, facts, words = (
        _diary(seed, tokenizer) if kind == "diary" else _prose(seed, tokenizer)
    )
    default = text.default_text().text
    other = _ids(tokenizer, _elsewhere(seed))[:PART]
    manual = _ids(tokenizer, text.stretch(default, 0.05, 4000))[:PART]
    return Document(kind, seed, history, following, other, manual, facts, words)


def long_text(
    seed: int, tokens: int, tokenizer: PreTrainedTokenizerBase
) -> tuple[Int[Tensor, " tokens"], Callable[[int], str]]:
    """So many tokens of running prose from near the beginning of a seed's novel, and the words of
    the first n of them."""
    words = text.default_text().text
    if novels():
        name, _ = STRETCHES[seed]
        words = text.rename(novel(name).text, text.SUBSTITUTES[name])
    ids = _ids(tokenizer, text.stretch(words, 0.05, tokens * 5))[:tokens]
    return ids, lambda count: str(tokenizer.decode(ids[:count]))


def _diary(seed: int, tokenizer: PreTrainedTokenizerBase) -> Parts:
    made = Diary().make(seed)
    history = _ids(tokenizer, made.evicted + made.window)
    following = _ids(tokenizer, made.next)[: PART * PARTS]
    return history, following, made.facts, made.evicted + made.window


def _prose(seed: int, tokenizer: PreTrainedTokenizerBase) -> Parts:
    needed = PROSE_HISTORY + PART * PARTS
    if novels():
        name, start = STRETCHES[seed]
        words = text.stretch(novel(name).text, start, needed * 6)
        words = text.rename(words, text.SUBSTITUTES[name])
    else:
        words = text.stretch(text.default_text().text, 0.3 + 0.05 * (seed % 8), needed * 6)
    ids = _ids(tokenizer, words)[:needed]
    read = str(tokenizer.decode(ids[:PROSE_HISTORY]))
    return ids[:PROSE_HISTORY], ids[PROSE_HISTORY:], (), read


def _elsewhere(seed: int) -> str:
    """Prose that no document of this seed has to do with: of another novel, or another diary."""
    if novels():
        return text.stretch(novel(_other(seed)).text, 0.10, 4000)
    return Diary().make(seed ^ 1).evicted


def _other(seed: int) -> str:
    """A novel that the document of this seed does not come from."""
    names = sorted({name for name, _ in STRETCHES.values()})
    return names[(names.index(STRETCHES[seed][0]) + 1) % len(names)]


def _ids(tokenizer: PreTrainedTokenizerBase, words: str) -> Int[Tensor, " tokens"]:
    return torch.tensor(tokenizer(words, add_special_tokens=False).input_ids)
