"""What a study measures of a memory: recall, the text that follows, damage, answers."""

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from duotempo.core import FixedShare
from duotempo.models.body import Body, Memory, Past
from duotempo.models.voices import NATS, token_losses
from duotempo.reader.lookup import question_prompt
from duotempo.study.documents import PART, PARTS, Document
from duotempo.tasks.diary import Fact

PASSAGES, PASSAGE, HEAD = 5, 128, 16  # recalled passages, their tokens, tokens not scored
BATCH = 10  # prompts at once


@dataclass(frozen=True)
class Scored:
    """A text to score: ids, the first scored position, and the trunk's view of it."""

    ids: Int[Tensor, "batch time"]
    skip: int
    x: Tensor

    def losses(self, body: Body, memory: Memory | None) -> list[list[float]]:
        """Token losses in nats, a list for each row."""
        return token_losses(body, self.x, self.ids, self.skip, memory).tolist()


def scored(body: Body, ids: Int[Tensor, "batch time"], skip: int) -> Scored:
    """Prepare a text for scoring under many memories."""
    with torch.no_grad():
        return Scored(ids, skip, body.trunk(ids))


def passages(tokens: Int[Tensor, " text"], seed: int) -> Int[Tensor, "passage time"]:
    """Passages of a text from random places."""
    pick = random.Random(seed)
    starts = [pick.randrange(0, len(tokens) - PASSAGE) for _ in range(PASSAGES)]
    return torch.stack([tokens[s : s + PASSAGE] for s in starts])


def texts(body: Body, doc: Document, window: int) -> dict[str, Scored]:
    """Everything scored for a document, by name: recall, window, next 1..3, other, manual."""
    stream = torch.cat([doc.history, doc.following])
    found = {
        "recall": scored(body, passages(doc.evicted(window), doc.seed), HEAD),
        "window": scored(body, doc.history[None, -window:], 8),
        "other": scored(body, doc.other[None], 8),
        "manual": scored(body, doc.manual[None], 8),
    }
    for part in range(PARTS):
        at = len(doc.history) + part * PART
        found[f"next {part + 1}"] = scored(body, stream[None, at - window : at + PART], window)
    return found


def mean_bits(rows: Sequence[Sequence[float]]) -> float:
    """Bits a token over several rows of losses in nats."""
    count = sum(len(row) for row in rows)
    return sum(sum(row) for row in rows) / count / NATS


def mixed_bits(
    fast: Sequence[Sequence[float]], slow: Sequence[Sequence[float]], share: FixedShare
) -> float:
    """Bits a token of the mixture, which starts anew on each row."""
    return mean_bits([share.losses(f, s) for f, s in zip(fast, slow, strict=True)])


@torch.no_grad()
def full_context(body: Body, doc: Document, window: int) -> dict[str, float]:
    """Bits a token with the whole history in context: the recalled passages and what follows."""
    past = Past()
    advance(body, doc.history, past)
    found = {}
    ids = doc.following[None]
    last = doc.history[None, -1:]
    losses = _after(body, past, last, ids)[0].split(PART)
    for part, row in enumerate(losses, 1):
        found[f"next {part}"] = row.mean().item() / NATS
    recalled = passages(doc.evicted(window), doc.seed)
    losses = _after(body, past, last.expand(len(recalled), 1), recalled)[:, HEAD:]
    found["recall"] = losses.mean().item() / NATS
    return found


@torch.no_grad()
def advance(body: Body, ids: Int[Tensor, " time"], past: Past) -> None:
    """Read all but the last token into the caches."""
    body.upper(body.trunk(ids[None, :-1], past), past=past)


def _after(
    body: Body, past: Past, last: Int[Tensor, "batch 1"], ids: Int[Tensor, "batch time"]
) -> Float[Tensor, "batch time"]:
    """Token losses of `ids` right after what `past` holds and `last`; `past` is not moved."""
    stream = torch.cat([last, ids], dim=1)
    rows = []
    for ids_row in stream.split(1):
        mine = copy.deepcopy(past)
        y = body.upper(body.trunk(ids_row[:, :-1], mine), past=mine)[0]
        logp = torch.cat([body.logits(part).log_softmax(-1) for part in y.split(256)])
        rows.append(-logp.gather(1, ids_row[0, 1:, None])[:, 0])
    return torch.stack(rows)


def chat(tokenizer: PreTrainedTokenizerBase, fact: Fact, notes: Sequence[str]) -> str:
    """A chat question about a fact under some notes, with the beginning of its answer."""
    return question_prompt(tokenizer, fact.question, notes) + fact.stub


@dataclass(frozen=True)
class Cues:
    """A batch of cues with their facts, and what the untouched model makes of them."""

    ids: Int[Tensor, "cue time"]
    lengths: list[int]
    facts: tuple[Fact, ...]
    x: Tensor
    ends: Float[Tensor, "cue vocab"]
    losses: list[list[float]]


@torch.no_grad()
def prepared(
    body: Body, tokenizer: PreTrainedTokenizerBase, cues: Sequence[tuple[str, Fact]]
) -> list[Cues]:
    """Cues in batches, read by the untouched model once for all memories."""
    found = []
    for start in range(0, len(cues), BATCH):
        part = cues[start : start + BATCH]
        ids, lengths = _padded(tokenizer, [cue for cue, _ in part])
        x = body.trunk(ids)
        ends, losses = _last_step(body, x, ids, lengths, None)
        found.append(Cues(ids, lengths, tuple(fact for _, fact in part), x, ends, losses))
    return found


@torch.no_grad()
def right_answers(
    body: Body,
    tokenizer: PreTrainedTokenizerBase,
    batches: Sequence[Cues],
    memory: Memory | None,
    share: FixedShare,
) -> tuple[float, float, float]:
    """Share of facts whose first answer token beats its rivals: untouched, alone, mixed."""
    hits, count = torch.zeros(3), 0
    for batch in batches:
        fast, losses = batch.ends, batch.losses
        if memory is not None:
            fast, losses = _last_step(body, batch.x, batch.ids, batch.lengths, memory)
        for row, fact in enumerate(batch.facts):
            weight = share.start
            for f, s in zip(losses[row], batch.losses[row], strict=True):
                weight = share.step(weight, f, s)
            slow = batch.ends[row]
            mixed = weight * fast[row].exp() + (1 - weight) * slow.exp()
            rivals = [_first(tokenizer, name) for name in fact.candidates]
            right = fact.candidates.index(fact.answer)
            for voice, scores in enumerate((slow, fast[row], mixed)):
                hits[voice] += int(scores[rivals].argmax()) == right
            count += 1
    none, alone, both = (hits / count).tolist()
    return none, alone, both


def _padded(
    tokenizer: PreTrainedTokenizerBase, cues: Sequence[str]
) -> tuple[Int[Tensor, "cue time"], list[int]]:
    rows = [tokenizer(cue, add_special_tokens=False).input_ids for cue in cues]
    ids = torch.zeros(len(rows), max(map(len, rows)), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
    return ids, [len(row) for row in rows]


def _first(tokenizer: PreTrainedTokenizerBase, name: str) -> int:
    return tokenizer(" " + name, add_special_tokens=False).input_ids[0]


def _last_step(
    body: Body, x: Tensor, ids: Tensor, lengths: Sequence[int], memory: Memory | None
) -> tuple[Tensor, list[list[float]]]:
    """Log-probabilities after each row's last token, and the losses of the tokens before it."""
    y = body.upper(x, memory)
    ends, losses = [], []
    for row, length in enumerate(lengths):
        logp = body.logits(y[row, :length]).log_softmax(-1)
        ends.append(logp[-1])
        losses.append((-logp[:-1].gather(1, ids[row, 1:length, None])[:, 0]).tolist())
    return torch.stack(ends), losses


@torch.no_grad()
def right_in_context(
    body: Body, tokenizer: PreTrainedTokenizerBase, cues: Sequence[tuple[str, Fact]]
) -> float:
    """Share of facts answered right by prompts that hold the whole text; what they begin with
    alike is read once."""
    prompts = [tokenizer(cue, add_special_tokens=False).input_ids for cue, _ in cues]
    alike = next(i for i, ids in enumerate(zip(*prompts, strict=False)) if len(set(ids)) > 1)
    past, hits = Past(), 0
    advance(body, torch.tensor(prompts[0][:alike]), past)
    for ids, (_, fact) in zip(prompts, cues, strict=True):
        mine = copy.deepcopy(past)
        stream = torch.tensor(ids[alike - 1 :])[None]
        scores = body.logits(body.upper(body.trunk(stream, mine), past=mine)[0, -1])
        rivals = [_first(tokenizer, name) for name in fact.candidates]
        hits += int(scores[rivals].argmax()) == fact.candidates.index(fact.answer)
    return hits / len(cues)
