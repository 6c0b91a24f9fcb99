"""Who edits prompts in the rulebook: one that knows what words mean, and the frozen base itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import torch

from duotempo.adapt.native import WordPolicy
from duotempo.adapt.policy import drawn
from duotempo.adapt.prompts import Trial
from duotempo.tasks.rulebook import NONE, SEED, applied
from duotempo.tasks.rulebook_words import (
    DIGITS,
    END,
    LENGTH,
    MEANING,
    NAME_IT,
    NOTHING,
    OPERATIONS,
    SLOTS,
    SOLVE,
    TOKEN,
    WORDS,
)

READ = 4
"""Failures that a reflector reads."""


@dataclass(frozen=True)
class Expert:
    """Stands in for a reflector much stronger than the policy: it knows what every word means.

    It imagines `ideas` small edits on up to four failures, without asking the policy, and
    proposes the one that would be right most often.
    """

    ideas: int = 12
    name: str = "expert"

    def __call__(self, prompt: str, trials: Sequence[Trial], random: Random) -> str | None:
        failures = [t for t in trials if t.score.value < 1][:READ]
        if not failures:
            return None
        words = padded(prompt)
        edits = [edited(words, random) for _ in range(self.ideas)]
        return " ".join(max(edits, key=lambda edit: imagined(edit, failures)))


@dataclass(frozen=True)
class Itself:
    """The frozen base reads a failure, digits before and after, and names the rule it sees.

    Half of the time all its words are taken, else one of them goes into the prompt; a share
    `chance` of its proposals are edits by chance, since a weak reader repeats itself.
    """

    policy: WordPolicy
    chance: float = 0.5
    name: str = "self"

    def __call__(self, prompt: str, trials: Sequence[Trial], random: Random) -> str | None:
        words = padded(prompt)
        failures = [t for t in trials if t.score.value < 1 and t.problem.answer]
        if not failures or random.random() < self.chance:
            return " ".join(edited(words, random))
        seen = self.named(random.choice(failures), random)
        if tuple(words) == SEED or random.random() < 0.5:
            return " ".join(seen)
        place = random.randrange(SLOTS)
        return " ".join([*words[:place], seen[place], *words[place + 1 :]])

    @torch.no_grad()
    def named(self, failure: Trial, random: Random) -> list[str]:
        """The base's reading of what turned these digits into those."""
        problem = failure.problem
        text = f"{NAME_IT} - - {END} {problem.text} {END} {problem.answer} {END}"
        tokens = torch.tensor([[TOKEN[word] for word in text.split()]])
        g = torch.Generator().manual_seed(random.getrandbits(62))
        logits, state = self.policy.base(tokens)
        seen: list[str] = []
        for place in range(SLOTS):
            token = drawn(logits[:, -1], 1.0, g)
            seen.append(WORDS[int(token)])
            if place + 1 < SLOTS:
                logits, state = self.policy.base(token[:, None], state)
        return [word if word in MEANING else NOTHING for word in seen]


def padded(prompt: str) -> list[str]:
    """The words of a prompt, one a slot."""
    words = prompt.split()[:SLOTS]
    return words + [NOTHING] * (SLOTS - len(words))


def edited(words: Sequence[str], random: Random) -> list[str]:
    """One slot changed, or at times all of them."""
    places = [random.randrange(SLOTS)] if random.random() < 0.7 else list(range(SLOTS))
    new = [NOTHING if word == SOLVE else word for word in words]
    for place in places:
        new[place] = random.choice([NOTHING, *MEANING])
    return new


def imagined(words: Sequence[str], failures: Sequence[Trial]) -> float:
    """The share of right places if the policy did just what the words mean; half of it for whole
    answers, and a third of all for the right digits wherever they stand."""
    ops = [OPERATIONS.index(MEANING[word]) if word in MEANING else NONE for word in words]
    before = torch.tensor([[int(d) for d in t.problem.text.split()] for t in failures])
    right = torch.tensor([[int(d) for d in t.problem.answer.split()] for t in failures])
    found = applied(torch.tensor([ops]).expand(len(failures), -1), before)
    hits = (found == right).double()
    counts = [torch.nn.functional.one_hot(x, DIGITS).sum(1) for x in (found, right)]
    content = torch.minimum(*counts).sum(1) / LENGTH
    worth = 0.5 * hits.prod(1) + 0.5 * hits.mean(1)
    return float(((2 * worth + content) / 3).mean())
