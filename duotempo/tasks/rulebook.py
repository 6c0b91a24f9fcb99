"""Rulebook: four digits become four others by a rule that words can name, wholly or in part."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import product

import torch
from jaxtyping import Int64
from torch import Tensor

from duotempo.core import UserError
from duotempo.tasks.batch import Batch, asked_batch, generator
from duotempo.tasks.rulebook_words import (
    CHANGES,
    DIGITS,
    END,
    LENGTH,
    MEANING,
    MOVES,
    NAME_IT,
    NAMES,
    NOTHING,
    OPERATIONS,
    SLOTS,
    SOLVE,
    TOKEN,
    WORDS,
)
from duotempo.tasks.seeds import seeded
from duotempo.tasks.verifiable import Problem, Score

Digits = Int64[Tensor, "batch 4"]
NONE = len(OPERATIONS)
FROM = torch.tensor([*MOVES.values(), *[range(LENGTH)] * (len(CHANGES) + 1)])
INTO = torch.tensor([*[range(DIGITS)] * len(MOVES), *CHANGES.values(), range(DIGITS)])
NAMED = torch.tensor([[TOKEN[w] for w in NAMES[op]] for op in OPERATIONS] + [[TOKEN[NOTHING]] * 3])
SEED = (SOLVE, NOTHING, NOTHING)
INVERSE = 6
"""One batch in so many asks for the words of a rule instead of its digits."""


def applied(ops: Int64[Tensor, "batch slots"], digits: Digits) -> Digits:
    """The digits after operations, one slot after the other; `NONE` leaves them."""
    for op in ops.unbind(1):
        digits = INTO[op[:, None], digits.gather(1, FROM[op])]
    return digits


def twisted(digits: Digits) -> Digits:
    """What no word names: the last digit becomes first + last + 5."""
    last = (digits[:, :1] + digits[:, -1:] + 5) % DIGITS
    return torch.cat((digits[:, :-1], last), 1)


def kept_back(ops: Sequence[int]) -> bool:
    """Whether a rule of several operations is never shown to a base by name: one in four."""
    return len(ops) > 1 and (7 * ops[0] + 3 * ops[1] + sum(ops[2:])) % 4 == 1


@dataclass(frozen=True)
class Rulebook:
    """What a base learns from: rules by name, rules unnamed, and which words name a rule.

    A row is three slots of words, a bar, four digits, a bar and the four digits that they become.
    A share `unnamed` has the prompt "solve - -" and a hidden rule, which cannot be known: its
    digits weigh but count as no answers. Every sixth batch shows digits before and after and asks
    for the words. Rules `kept_back` are never named. Source: ours, after the toy world of the
    dossier on FST.
    """

    rows: int = 96
    unnamed: float = 0.2
    longest: int = SLOTS

    def __post_init__(self) -> None:
        if self.rows < 1 or not 0 <= self.unnamed < 1 or not 1 <= self.longest <= SLOTS:
            raise UserError(
                f"rows={self.rows}, unnamed={self.unnamed}, longest={self.longest}: at least one "
                f"row, a share below 1, and rules of 1 to {SLOTS} operations"
            )

    @property
    def vocabulary(self) -> int:
        """All words."""
        return len(WORDS)

    @property
    def chance(self) -> float:
        """Four digits by a guess."""
        return DIGITS**-LENGTH

    def batch(self, seed: int, index: int) -> Batch:
        """The rows of this number."""
        g = generator(seed, index)
        hidden = torch.rand(self.rows, generator=g) < self.unnamed
        inverse = index % INVERSE == INVERSE - 1
        ops = self.drawn(g, named=not inverse)
        free = self.drawn(g, named=False)
        ops = ops if inverse else torch.where(hidden[:, None], free, ops)
        names = torch.randint(3, ops.shape, generator=g)
        words = NAMED[ops].gather(2, names[..., None])[..., 0]
        before = torch.randint(DIGITS, (self.rows, LENGTH), generator=g)
        after = applied(ops, before)
        bar = torch.full((self.rows, 1), TOKEN[END])
        if inverse:
            ask = torch.tensor([[TOKEN[NAME_IT], TOKEN[NOTHING], TOKEN[NOTHING]]])
            parts = (ask.expand(self.rows, -1), bar, before, bar, after, bar, words)
            return _weighed(torch.cat(parts, 1), SLOTS, torch.ones_like(hidden))
        seed_words = torch.tensor([TOKEN[word] for word in SEED])
        words = torch.where(hidden[:, None], seed_words, words)
        return _weighed(torch.cat((words, bar, before, bar, after), 1), LENGTH, hidden)

    def batches(self, seed: int) -> Iterator[Batch]:
        """The batches 0, 1, 2, ... without end."""
        index = 0
        while True:
            yield self.batch(seed, index)
            index += 1

    def drawn(self, g: torch.Generator, named: bool) -> Int64[Tensor, "rows slots"]:
        """Rules of 1 to `longest` operations; named ones are none that are kept back."""
        table, weight = _table(self.longest, named)
        return table[torch.multinomial(weight, self.rows, replacement=True, generator=g)]

    def oracle(self, tokens: Int64[Tensor, "batch time"]) -> Int64[Tensor, "batch time"]:
        """The digit wherever one is asked for, from the words and digits before it; 0 elsewhere."""
        found = torch.zeros_like(tokens)
        if tokens.shape[1] != SLOTS + 2 * LENGTH + 1:
            return found  # the words of a rule have synonyms: nobody can know which
        lookup = torch.full((len(WORDS),), NONE)
        for word, op in MEANING.items():
            lookup[TOKEN[word]] = OPERATIONS.index(op)
        start = SLOTS + 1
        right = applied(lookup[tokens[:, :SLOTS]], tokens[:, start : start + LENGTH])
        found[:, start + LENGTH :] = right
        return found


def _weighed(whole: Tensor, asked: int, unknown: Tensor) -> Batch:
    """Rows whose last tokens count, as answers unless they cannot be known."""
    last = torch.zeros(whole.shape, dtype=torch.bool)
    last[:, -asked:] = True
    batch = asked_batch(whole, last)
    return Batch(batch.tokens, batch.targets, batch.weights, batch.answers & ~unknown[:, None])


@cache
def _table(longest: int, named: bool) -> tuple[Int64[Tensor, "rules slots"], Tensor]:
    """Every rule, and its weight: each number of operations is as likely."""
    sizes = range(1, longest + 1)
    rules = [list(ops) for size in sizes for ops in product(range(NONE), repeat=size)]
    rules = [ops for ops in rules if not (named and kept_back(ops))]
    many = torch.tensor([len(ops) for ops in rules])
    padded = torch.tensor([ops + [NONE] * (SLOTS - len(ops)) for ops in rules])
    return padded, (1.0 / torch.bincount(many)[many]).double()


@cache
def _said() -> list[str]:
    """Four digits as text, by the number that they make."""
    return [" ".join(f"{n:0{LENGTH}d}") for n in range(DIGITS**LENGTH)]


@lru_cache(8)
def _split(split: str, seed: int) -> tuple[Digits, list[str]]:
    """The digits of a split in an order of the seed's, and as text."""
    every = [n for n in range(DIGITS**LENGTH) if (n % 5 == 0) == (split == "test")]
    seeded(seed, 0).shuffle(every)
    said = [_said()[n] for n in every]
    return torch.tensor([[int(d) for d in text.split()] for text in said]), said


@dataclass(frozen=True)
class RuleTask:
    """One hidden rule as a task: four digits in, four out; partial credit by places.

    `rule` names operations, joined by "+", like "jump+ends"; "twist" at its end adds a change that
    no word names. `feedback` says which digits were right but misplaced. Raises `UserError`.
    """

    rule: str
    seed_prompt: str = " ".join(SEED)

    def __post_init__(self) -> None:
        names = self.rule.removesuffix("+twist").split("+")
        if not 1 <= len(names) <= SLOTS or not set(names) <= set(OPERATIONS):
            raise UserError(
                f"rule={self.rule!r}: join 1 to {SLOTS} of {', '.join(OPERATIONS)} by +, and "
                "+twist at the end if you like"
            )

    @property
    def ops(self) -> tuple[int, ...]:
        """The operations' numbers."""
        return tuple(OPERATIONS.index(n) for n in self.rule.removesuffix("+twist").split("+"))

    @property
    def named(self) -> str:
        """The prompt that says as much of the rule as words can."""
        words = [NAMES[OPERATIONS[op]][0] for op in self.ops]
        return " ".join(words + [NOTHING] * (SLOTS - len(words)))

    def problems(self, split: str, seed: int) -> Sequence[Problem]:
        """Digits in random order; the test split shares none with the other."""
        before, said = _split(split, seed)
        after = applied(torch.tensor([self.ops]).expand(len(before), -1), before)
        after = twisted(after) if self.rule.endswith("+twist") else after
        answers = (after * torch.tensor([1000, 100, 10, 1])).sum(1).tolist()
        return [Problem(a, _said()[b]) for a, b in zip(said, answers, strict=True)]

    def score(self, problem: Problem, answer: str) -> Score:
        """Half for a right answer, half for the share of right places."""
        said, right = answer.split(), problem.answer.split()
        if len(said) != LENGTH:
            return Score(0.0, f"{len(said)} words instead of {LENGTH} digits")
        hits = sum(a == b for a, b in zip(said, right, strict=True))
        content = sum(min(said.count(d), right.count(d)) for d in set(right))
        feedback = f"right: {problem.answer}; {hits} places right, {content} digits in it at all"
        return Score(0.5 * (hits == LENGTH) + 0.5 * hits / LENGTH, feedback)
